import { keepBothForm } from "@/lib/connections/actions";
import type { ConnectionView } from "@/lib/connections/views";
import { RepairButton } from "@/components/portal/repair-button";
import { ButtonLink } from "@/components/ui/button";
import { SubmitButton } from "@/components/ui/submit-button";

/** Shown when a new connection appears where an old one stopped, probably instead of a repair. */
export function SecondConnectionNote({ connection }: { connection: ConnectionView }) {
  const b = connection.brokerage.name;
  return (
    <section
      aria-labelledby={`second-${connection.id}`}
      className="mt-8 rounded-card border border-line bg-surface p-5 shadow-card wide:p-6"
    >
      <h2 id={`second-${connection.id}`} className="text-head">
        A second {b} connection was made
      </h2>
      <p className="mt-1 max-w-[62ch] text-ink-2">
        The old one still needs reconnecting. Keep both only if they’re different logins; otherwise, the same
        money may be counted twice.
      </p>
      <div className="mt-4 flex flex-wrap items-center gap-x-5 gap-y-2">
        <RepairButton
          target={{ kind: "reconnect", connectionId: connection.id }}
          accessibleName={`Reconnect the old ${b} connection`}
          label="Reconnect the old one"
          variant="secondary"
        />
        <ButtonLink variant="quiet" href={`/connections/${connection.id}/remove`}>
          Remove the old one
        </ButtonLink>
        <form action={keepBothForm}>
          <input type="hidden" name="connectionId" value={connection.id} />
          <SubmitButton variant="quiet" pendingLabel="Keeping both…">
            Keep both
          </SubmitButton>
        </form>
      </div>
    </section>
  );
}
