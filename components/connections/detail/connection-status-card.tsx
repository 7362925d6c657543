import type { ReactNode } from "react";
import { repeatRemoval, cancelRemoval } from "@/lib/connections/actions";
import type { ConnectionView } from "@/lib/connections/views";
import { isShadow } from "@/lib/base/mode";
import { ago, dayAt } from "@/lib/base/times";
import { RepairButton } from "@/components/portal/repair-button";
import { ButtonLink } from "@/components/ui/button";
import { SubmitButton } from "@/components/ui/submit-button";
import { Time } from "@/components/ui/time";
import { AccountList } from "./account-list";
import { StatusMark, StatusSentence, type Reading } from "@/components/connections/status-mark";

/** The connection's status, whose move it is, and which login it belongs to. */
export function ConnectionStatusCard({
  connection,
  reading,
  unreachable,
}: {
  connection: ConnectionView;
  reading: Reading;
  unreachable: boolean;
}) {
  const { brokerage, accounts, canReconnect, status } = connection;
  const offers = canReconnect && !unreachable;
  return (
    <section
      aria-label="Status"
      className="grid grid-cols-[minmax(0,1fr)] overflow-hidden rounded-card border border-line bg-surface shadow-card wide:grid-cols-[minmax(0,1fr)_272px]"
    >
      <div className="p-5 wide:p-7">
        <StatusMark connection={connection} reading={reading} />
        <p className="mt-3 max-w-[52ch] text-[1rem] leading-6 text-ink-2">
          <Story connection={connection} reading={reading} />
        </p>
        {offers && (
          <div className="mt-5">
            <RepairButton
              target={{ kind: "reconnect", connectionId: connection.id }}
              accessibleName={`Reconnect ${brokerage.name}`}
              label={
                status === "reconnecting"
                  ? "Continue"
                  : status === "disabled-maintenance"
                    ? "Try anyway"
                    : "Reconnect"
              }
              variant={status === "disabled-maintenance" ? "quiet" : "filled"}
              wide
            />
          </div>
        )}
        {connection.daysToUsualEnd !== null && status === "connected" && !isShadow() && (
          <div className="mt-5">
            <RepairButton
              target={{ kind: "renew", connectionId: connection.id }}
              accessibleName={`Sign in to ${brokerage.name} again now`}
              label="Sign in again now"
              variant="secondary"
              wide
            />
          </div>
        )}
        {status === "removing" && <WhileRemoving connection={connection} />}
        {status === "unsupported" && !isShadow() && (
          <ButtonLink href={`/connections/${connection.id}/remove`} className="mt-5">
            Remove {brokerage.name}
          </ButtonLink>
        )}
      </div>
      {accounts.length > 0 && (
        <div className="border-t border-line p-5 wide:border-t-0 wide:border-l wide:p-6">
          <h2 className="text-label">{offers ? "Use the login for these accounts" : "Accounts"}</h2>
          <div className="mt-1">
            <AccountList accounts={accounts} />
          </div>
          {offers && (
            <p className="mt-3 text-small text-ink-3">A different {brokerage.name} login won’t work.</p>
          )}
        </div>
      )}
    </section>
  );
}

/** Asking again helps if SnapTrade lost the request; keeping it works while SnapTrade still has it. */
function WhileRemoving({ connection: { id, brokerage } }: { connection: ConnectionView }) {
  return (
    <div className="mt-5 flex flex-wrap items-center gap-x-5 gap-y-2">
      <form action={cancelRemoval}>
        <input type="hidden" name="connectionId" value={id} />
        <SubmitButton variant="secondary" pendingLabel="Keeping it…">
          Keep {brokerage.name}
        </SubmitButton>
      </form>
      {!isShadow() && (
        <form action={repeatRemoval}>
          <input type="hidden" name="connectionId" value={id} />
          <SubmitButton variant="quiet" pendingLabel="Asking SnapTrade…">
            Ask SnapTrade again
          </SubmitButton>
        </form>
      )}
    </div>
  );
}

function Story({ connection, reading }: { connection: ConnectionView; reading: Reading }): ReactNode {
  const { status, disabledAt, brokerage } = connection;
  if (status !== "disabled" || !disabledAt)
    return <StatusSentence connection={connection} reading={reading} />;
  const { viewer, now } = reading;
  return (
    <>
      This connection stopped{" "}
      <Time at={disabledAt} viewer={viewer}>
        {`${ago(viewer, disabledAt, now)}, ${dayAt(viewer, disabledAt, now)}`}
      </Time>
      .{" "}
      {isShadow()
        ? "Repairs are off in shadow mode."
        : `Sign in to ${brokerage.name} again, and it picks up where it left off, with the same accounts and history.`}
    </>
  );
}
