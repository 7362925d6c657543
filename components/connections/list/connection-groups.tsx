import type { StatusGroup } from "@/lib/connections/views";
import type { ConnectionView } from "@/lib/connections/views";
import { clock } from "@/lib/base/times";
import { ConnectionRow } from "./connection-row";
import { StableGroups } from "./stable-groups";
import type { Reading } from "@/components/connections/status-mark";

const groups: { group: StatusGroup; now: string; then: string }[] = [
  { group: "needs-you", now: "Needs you", then: "Needed you" },
  { group: "nothing-to-do", now: "Nothing for you to do", then: "Nothing to do" },
  { group: "connected", now: "Connected", then: "Was connected" },
];

/** The connections, grouped by whose move it is. */
export function ConnectionGroups({
  connections,
  reading,
  unreachable,
}: {
  connections: ConnectionView[];
  reading: Reading;
  unreachable: boolean;
}) {
  const since = unreachable && reading.lookedAt ? ` at ${clock(reading.viewer, reading.lookedAt)}` : "";
  return (
    <StableGroups
      titles={groups.map(({ group, now, then }) => ({
        group,
        title: unreachable ? `${then}${since}` : now,
        aside: since && group === "needs-you" ? "You can reconnect once SnapTrade responds again" : null,
      }))}
      rows={connections.map((connection) => ({
        id: connection.id,
        group: connection.group,
        row: <ConnectionRow key={connection.id} connection={connection} reading={reading} />,
      }))}
    />
  );
}
