import type { SessionView } from "@/lib/auth/views";
import { ago, dayName, type Viewer } from "@/lib/base/times";
import { SubmitButton } from "../ui/submit-button";
import { Tag } from "../ui/tag";
import { Time } from "../ui/time";

interface Props {
  sessions: SessionView[];
  currentId: string;
  viewer: Viewer;
  now: Date;
  signOut: () => Promise<void>;
  endOne: (form: FormData) => Promise<void>;
}

/** A person's sessions, each with a button that ends it. */
export function SessionList({ sessions, currentId, viewer, now, signOut, endOne }: Props) {
  return (
    <ul className="mt-6 max-w-[560px] divide-y divide-line rounded-card border border-line bg-surface shadow-card">
      {sessions.map(({ id, device, createdAt, lastUsedAt }) => (
        <li key={id} aria-labelledby={`device-${id}`} className="flex items-center gap-4 px-4 py-3 wide:px-5">
          <div className="min-w-0 flex-1">
            <p className="flex flex-wrap items-center gap-x-2 gap-y-0.5">
              <span id={`device-${id}`} className="font-semibold">
                {device || "Unknown device"}
              </span>
              {id === currentId && <Tag>This device</Tag>}
            </p>
            <p className="text-small text-ink-2">
              Last used{" "}
              <Time at={lastUsedAt} viewer={viewer}>
                {ago(viewer, lastUsedAt, now)}
              </Time>
              , signed in{" "}
              <Time at={createdAt} viewer={viewer}>
                {dayName(viewer, createdAt, now)}
              </Time>
            </p>
          </div>
          <form action={id === currentId ? signOut : endOne}>
            <input type="hidden" name="sessionId" value={id} />
            <SubmitButton
              variant="secondary"
              pendingLabel="Signing out…"
              aria-label={
                id === currentId ? "Sign out of this device" : `Sign out of ${device || "unknown device"}`
              }
            >
              Sign out
            </SubmitButton>
          </form>
        </li>
      ))}
    </ul>
  );
}
