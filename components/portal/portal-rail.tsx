import type { PortalView } from "@/lib/connections/views";
import { AccountList } from "@/components/connections/detail/account-list";
import { Icon } from "../ui/icon";
import { NewPageForm } from "./new-page-form";
import { ReconnectQueue, stepLabel } from "./reconnect-queue";

interface Props {
  view: PortalView;
  appName: string;
  done: boolean;
  showsResult: boolean;
  /** Skips this connection and opens the next; null if nothing follows. */
  onSkip: (() => void) | null;
}

/** The current step, which login to use, and that the password stays out of this app. */
export function PortalRail({ view, appName, done, showsResult, onSkip }: Props) {
  const { brokerage, intent, queue, connectionId, accounts } = view;
  const b = brokerage.name;
  const step =
    intent === "connect" ? (done ? "Connected" : "Connecting") : stepLabel(queue, connectionId, done);
  return (
    <div className="flex min-h-0 flex-col overflow-y-auto bg-sunken p-7">
      <p className="digits text-small text-ink-2">{step}</p>
      <h2 id="portal-title" tabIndex={-1} autoFocus className="text-[1.25rem] leading-7 font-semibold">
        {b}
      </h2>
      {queue && queue.entries.length > 1 && <ReconnectQueue queue={queue} currentId={connectionId} />}
      {onSkip && (
        <button
          type="button"
          onClick={onSkip}
          className="mt-2 min-h-6 self-start text-small text-ink-2 underline decoration-line-strong underline-offset-4"
        >
          Skip {b} for now
        </button>
      )}
      {!done && intent !== "connect" && accounts.length > 0 && (
        <div className="mt-7">
          <h3 className="text-label">Use the login for these accounts</h3>
          <div className="mt-1">
            <AccountList accounts={accounts} />
          </div>
        </div>
      )}
      {!done && (
        <div className="mt-auto space-y-4 pt-6 text-small text-ink-2">
          <p className="flex gap-3">
            <Icon name="lock" className="mt-0.5 text-ink-3" />
            You enter your password on SnapTrade’s or {b}’s page, never in {appName}.
          </p>
          {!showsResult && (
            <div className="flex gap-3">
              <Icon name="external-link" className="mt-0.5 text-ink-3" />
              <span>
                Having trouble? <NewPageForm view={view} />
              </span>
            </div>
          )}
        </div>
      )}
    </div>
  );
}
