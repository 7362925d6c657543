import type { PortalView } from "@/lib/connections/views";
import { AccountList } from "@/components/connections/detail/account-list";
import { Icon } from "../ui/icon";
import { NewPageForm } from "./new-page-form";
import { ReconnectQueue, stepWords } from "./reconnect-queue";

interface Props {
  view: PortalView;
  appName: string;
  done: boolean;
  signalled: boolean;
  /** Leaves this one for later and goes on; null where nothing follows. */
  onSkip: (() => void) | null;
}

/** Where the person is, which login to use, and that the password stays out of here. */
export function PortalRail({ view, appName, done, signalled, onSkip }: Props) {
  const { brokerage, intent, queue, connectionId, accounts } = view;
  const b = brokerage.name;
  const step =
    intent === "connect" ? (done ? "Connected" : "Connecting") : stepWords(queue, connectionId, done);
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
          Leave {b} for later
        </button>
      )}
      {!done && intent !== "connect" && accounts.length > 0 && (
        <div className="mt-7">
          <h3 className="text-label">Sign in with the login that holds</h3>
          <div className="mt-1">
            <AccountList accounts={accounts} />
          </div>
        </div>
      )}
      {!done && (
        <div className="mt-auto space-y-4 pt-6 text-small text-ink-2">
          <p className="flex gap-3">
            <Icon name="lock" className="mt-0.5 text-ink-3" />
            You type your password on SnapTrade’s or {b}’s page, never in {appName}.
          </p>
          {!signalled && (
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
