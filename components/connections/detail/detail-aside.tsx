import type { ConnectionDetailView } from "@/lib/connections/views";
import { isShadow } from "@/lib/base/mode";
import { count, dayAt, dayClock, dayName, duration } from "@/lib/base/times";
import { RepairButton } from "@/components/portal/repair-button";
import { ButtonLink } from "@/components/ui/button";
import { Disclosure } from "@/components/ui/disclosure";
import { Icon } from "@/components/ui/icon";
import { Time } from "@/components/ui/time";
import type { Reading } from "@/components/connections/status-mark";

interface Props {
  detail: ConnectionDetailView;
  reading: Reading;
  appName: string;
}

/** What still works meanwhile, and everything else a person can do with a connection. */
export function DetailAside({ detail: { connection, earlier }, reading, appName }: Props) {
  const { id, brokerage, status, disabledAt } = connection;
  const leaving = status === "removing" || status === "removed";
  const canChange = !leaving && !isShadow();
  return (
    <div>
      {disabledAt && !leaving && <Meanwhile dataAsOf={connection.dataAsOf} reading={reading} />}
      <div className={disabledAt && !leaving ? "mt-7" : ""}>
        {canChange && (
          <Disclosure title="Want to use a different login?">
            <p>
              A connection stays with the login it was created with. To use a different one, connect it as a
              new connection, then remove this one. The new connection won’t have the old one’s history.
            </p>
            <ButtonLink
              href={`/connections/new?brokerage=${brokerage.slug}`}
              className="mt-3 !min-h-8 px-2.5 text-small max-wide:!min-h-11"
            >
              Connect a different login
            </ButtonLink>
          </Disclosure>
        )}
        {connection.canAllowTrading && (
          <Disclosure title="Allow trading">
            <p>
              {appName} can only read this connection now. To let it place orders at {brokerage.name} too,
              sign in there again and allow trading. You’ll keep the same accounts and history.
            </p>
            <div className="mt-3">
              <RepairButton
                target={{ kind: "allow-trading", connectionId: id }}
                accessibleName={`Allow trading at ${brokerage.name}`}
                label="Allow trading"
                variant="secondary"
              />
            </div>
          </Disclosure>
        )}
        {earlier.length > 0 && (
          <Disclosure title="Past interruptions" detail={String(earlier.length)}>
            <ul className="space-y-2 text-small">
              {earlier.map((episode) => (
                <li key={episode.id}>
                  <Time at={episode.brokeAt} viewer={reading.viewer}>
                    {dayName(reading.viewer, episode.brokeAt, reading.now)}
                  </Time>
                  {`, ${episode.endedHow === "fixed" ? "reconnected" : "removed"} after ${duration(episode.endedAt.getTime() - episode.brokeAt.getTime())}`}
                </li>
              ))}
            </ul>
          </Disclosure>
        )}
        {canChange && (
          <Disclosure title="Remove this connection">
            <p>
              {appName} loses access to{" "}
              {connection.accounts.length > 0 ? `its ${count(connection.accounts.length, "account")}` : "it"}.
              This can’t be undone. Your accounts at {brokerage.name} aren’t affected.
            </p>
            <ButtonLink
              variant="danger"
              href={`/connections/${id}/remove`}
              className="mt-3 !min-h-8 px-2.5 text-small max-wide:!min-h-11"
            >
              Remove {brokerage.name}
            </ButtonLink>
          </Disclosure>
        )}
      </div>
      {leaving && connection.removalRequestedAt && (
        <p className="text-small text-ink-2">
          You asked to remove this connection{" "}
          {dayAt(reading.viewer, connection.removalRequestedAt, reading.now)}.
        </p>
      )}
    </div>
  );
}

function Meanwhile({ dataAsOf, reading }: { dataAsOf: Date | null; reading: Reading }) {
  return (
    <section aria-labelledby="meanwhile">
      <h2 id="meanwhile" className="text-head">
        In the meantime
      </h2>
      <ul className="mt-3 space-y-4">
        {dataAsOf && (
          <li className="grid grid-cols-[24px_1fr]">
            <Icon name="check" className="mt-1 text-good-mark" />
            <div>
              <h3 className="font-semibold">Still available</h3>
              <p className="mt-1 text-ink-2">
                Balances, holdings, and transactions as of{" "}
                <Time at={dataAsOf} viewer={reading.viewer}>
                  {dayClock(reading.viewer, dataAsOf, reading.now)}
                </Time>
              </p>
            </div>
          </li>
        )}
        <li className="grid grid-cols-[24px_1fr]">
          <Icon name="pause" className="mt-1 text-theirs-mark" />
          <div>
            <h3 className="font-semibold">Paused</h3>
            <p className="mt-1 text-ink-2">New balances, holdings, and transactions</p>
          </div>
        </li>
      </ul>
    </section>
  );
}
