import type { StatusGroup } from "@/lib/connections/status";
import type { ConnectionView } from "@/lib/connections/views";
import { clock } from "@/lib/times";
import { ConnectionRow } from "./connection-row";
import type { Reading } from "./status-mark";

const groups: { group: StatusGroup; now: string; then: string }[] = [
  { group: "needs-you", now: "Needs you", then: "Needed you" },
  { group: "nothing-to-do", now: "Nothing for you to do", then: "Nothing to do" },
  { group: "connected", now: "Connected", then: "Connected" },
];

/** The connections by whose move it is. What needs the person lies on a card, the rest flat on the page. */
export function ConnectionGroups({ connections, reading, unreachable }: { connections: ConnectionView[]; reading: Reading; unreachable: boolean }) {
  const since = unreachable && reading.lookedAt ? ` at ${clock(reading.viewer, reading.lookedAt)}` : "";
  return (
    <div className="mt-8 space-y-8 wide:mt-11 wide:space-y-11">
      {groups.map(({ group, now, then }) => {
        const members = connections.filter((connection) => connection.group === group);
        if (members.length === 0) return null;
        const card = group === "needs-you";
        return (
          <section key={group} aria-labelledby={`group-${group}`}>
            <div className="flex flex-wrap items-baseline justify-between gap-x-4">
              <h2 id={`group-${group}`} className="text-body font-semibold">
                {unreachable ? `${then}${since}` : now} <span className="digits ml-1.5 font-normal text-ink-3">{members.length}</span>
              </h2>
              {unreachable && card && <p className="text-small text-ink-3">Reconnecting is possible again once SnapTrade answers</p>}
            </div>
            <ul
              className={`mt-3 divide-y divide-line ${card ? "overflow-hidden rounded-card border border-line bg-surface shadow-card" : "border-y border-line"}`}
            >
              {members.map((connection) => (
                <ConnectionRow key={connection.id} connection={connection} reading={reading} card={card} />
              ))}
            </ul>
          </section>
        );
      })}
    </div>
  );
}
