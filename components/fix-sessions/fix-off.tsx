import type { FixPageView } from "@/lib/fix-sessions/views";
import { WayBack } from "./way-back";

interface Props {
  page: FixPageView;
  hasAccount: boolean;
  appName: string;
}

/** A fix session that can't go on, because repairs are off. */
export function FixOff({ page, hasAccount, appName }: Props) {
  return (
    <section aria-labelledby="fix">
      <h1 id="fix" className="text-title">
        Nothing for you to do right now
      </h1>
      <p className="mt-2 text-ink-2">Repairs are off in shadow mode. Nothing was changed.</p>
      {/* Not "Not now", which would end the session. */}
      <div className="mt-5">
        <WayBack page={page} hasAccount={hasAccount} appName={appName} />
      </div>
    </section>
  );
}
