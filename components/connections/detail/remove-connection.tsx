import { removeConnection } from "@/lib/connections/actions";
import type { ConnectionView } from "@/lib/connections/views";
import { count } from "@/lib/base/times";
import { RepairButton } from "@/components/portal/repair-button";
import { ButtonLink } from "@/components/ui/button";
import { SubmitButton } from "@/components/ui/submit-button";

/** Says what will be lost before anything is removed, and offers to reconnect a stopped connection first. */
export function RemoveConnection({ connection, appName }: { connection: ConnectionView; appName: string }) {
  const { id, brokerage, accounts, canReconnect } = connection;
  const b = brokerage.name;
  return (
    <section
      aria-labelledby="remove"
      className="max-w-[560px] rounded-card border border-line bg-surface p-5 shadow-card wide:p-10"
    >
      <h1 id="remove" className="text-title">
        Remove {b} from {appName}?
      </h1>
      {canReconnect && (
        <div className="mt-4 border-b border-line pb-5">
          <p className="text-ink-2">If it just stopped working, you can reconnect it and keep everything.</p>
          <div className="mt-3">
            <RepairButton
              target={{ kind: "reconnect", connectionId: id }}
              accessibleName={`Reconnect ${b}`}
              label="Reconnect"
              variant="secondary"
            />
          </div>
        </div>
      )}
      <p className="mt-4 text-ink-2">
        SnapTrade deletes this connection, and {appName} loses access to{" "}
        {accounts.length > 0 ? `its ${count(accounts.length, "account")}` : "it"}. This can’t be undone. Your
        accounts at {b} aren’t affected.
      </p>
      <div className="mt-6 flex flex-wrap items-center gap-x-5 gap-y-2">
        <form action={removeConnection}>
          <input type="hidden" name="connectionId" value={id} />
          <SubmitButton variant="danger" pendingLabel="Asking SnapTrade…">
            Remove {b}
          </SubmitButton>
        </form>
        <ButtonLink variant="quiet" href={`/connections/${id}`}>
          Keep it
        </ButtonLink>
      </div>
    </section>
  );
}
