import { isShadow } from "@/lib/base/mode";
import type { FixPageView } from "@/lib/fix-sessions/views";
import type { ButtonVariant } from "../ui/button";
import { SubmitButton } from "../ui/submit-button";

interface Props {
  fixSessionId: string;
  /** What the button is about, if the session doesn't say. */
  fields?: Record<string, string>;
  label: string;
  variant: ButtonVariant;
}

/**
 * A button that opens the Connection Portal as a full page for a fix session; works without JavaScript. Draws
 * nothing where repairs are off.
 */
export function FixForm({ fixSessionId, fields = {}, label, variant }: Props) {
  if (isShadow()) return null;
  return (
    <form action="/portal/open" method="post" className="w-full wide:w-auto">
      {Object.entries({ kind: "fix", fixSessionId, ...fields }).map(([name, value]) => (
        <input key={name} type="hidden" name={name} value={value} />
      ))}
      <SubmitButton variant={variant} pendingLabel="Opening…" className="w-full wide:w-auto">
        {label}
      </SubmitButton>
    </form>
  );
}

/** The way back without going on, for a session that leads back somewhere. */
export function NotNow({ page, appName }: { page: FixPageView; appName: string }) {
  if (!page.returnTo || page.session.endedAt) return null;
  return (
    <form action={`/fix-sessions/${page.session.id}/leave`} method="post" className="mt-4">
      <SubmitButton variant="quiet" pendingLabel="One moment…" className="w-full wide:-ml-1 wide:w-auto">
        Not now, back to {appName}
      </SubmitButton>
    </form>
  );
}
