import type { FixPageView } from "@/lib/fix-sessions/views";
import { NotNow } from "./fix-form";

/** A fix session that can't go on, because repairs are off. */
export function FixOff({ page, appName }: { page: FixPageView; appName: string }) {
  return (
    <section aria-labelledby="fix">
      <h1 id="fix" className="text-title">
        Nothing for you to do right now
      </h1>
      <p className="mt-2 text-ink-2">
        Repairs are off in shadow mode. Nothing was changed, and you can use this link later.
      </p>
      <NotNow page={page} appName={appName} />
    </section>
  );
}
