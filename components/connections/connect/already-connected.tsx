import type { ReactNode } from "react";
import type { ConnectionView } from "@/lib/connections/views";
import { dayClock } from "@/lib/base/times";
import { RepairButton } from "@/components/portal/repair-button";
import { LinkFigure } from "@/components/ui/link-figure";
import { Receipt } from "@/components/ui/receipt";
import { Tile } from "@/components/ui/tile";
import { Time } from "@/components/ui/time";
import type { Reading } from "@/components/connections/status-mark";

/** Leads people to reconnect what they have before they add a second connection to the same login. */
export function AlreadyConnected({
  connection,
  reading,
  children,
}: {
  connection: ConnectionView;
  reading: Reading;
  /** The ways to go on, instead of those that open the portal here. */
  children?: ReactNode;
}) {
  const { brokerage, accounts, disabledAt } = connection;
  const rows = [];
  if (accounts.length > 0)
    rows.push({
      label: "Accounts",
      value: accounts
        .map(({ name, lastDigits }) => (lastDigits ? `${name} •• ${lastDigits}` : name))
        .join(", "),
    });
  if (disabledAt)
    rows.push({
      label: "Stopped",
      value: (
        <Time at={disabledAt} viewer={reading.viewer}>
          {dayClock(reading.viewer, disabledAt, reading.now)}
        </Time>
      ),
    });
  return (
    <section
      aria-labelledby="already"
      className="rounded-card border border-line bg-surface p-5 shadow-card wide:p-10"
    >
      <LinkFigure state="gap" tile={<Tile brokerage={brokerage} size={44} />} />
      <h1 id="already" className="mt-8 text-title">
        You already have a {brokerage.name} connection
      </h1>
      <p className="mt-1.5 text-ink-2">
        It needs reconnecting, which keeps its accounts and history. A second connection to the same login
        could count the same money twice.
      </p>
      <div className="mt-5">
        <Receipt rows={rows} />
      </div>
      <div className="mt-7 flex flex-wrap items-center gap-x-5 gap-y-2">
        {children ?? <Ways connection={connection} />}
      </div>
    </section>
  );
}

function Ways({ connection: { id, brokerage } }: { connection: ConnectionView }) {
  return (
    <>
      <RepairButton
        target={{ kind: "reconnect", connectionId: id }}
        accessibleName={`Reconnect ${brokerage.name} instead`}
        label="Reconnect it instead"
        variant="filled"
      />
      <RepairButton
        target={{ kind: "connect", brokerage: brokerage.slug, beside: true }}
        accessibleName="It’s a different login"
        label="It’s a different login"
        variant="quiet"
      />
    </>
  );
}
