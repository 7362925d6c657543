import type { ConnectionsView } from "@/lib/connections/views";
import { ago, clock, count, type Viewer } from "@/lib/base/times";

/** The page in one line, and in its tab. */
export function headlineOf(
  { connections, lookedAt, unreachable, gone, known, unreadable }: ConnectionsView,
  viewer: Viewer,
  now: Date,
): string {
  const present = connections.filter(({ status }) => status !== "removed");
  const needing = present.filter(({ group }) => group === "needs-you");
  const [only] = needing;
  if (present.length === 0 && !known)
    return unreachable ? "SnapTrade doesn’t answer yet" : "Looking for your connections";
  if (present.length === 0)
    return unreadable > 0 ? "Your connections can’t be shown yet" : "Connect your first brokerage";
  if (gone) return "Connect your brokerages again";
  if (unreachable)
    return lookedAt
      ? `As of ${clock(viewer, lookedAt)}, ${ago(viewer, lookedAt, now)}`
      : "SnapTrade doesn’t answer yet";
  if (only && present.length === 1) return `Your ${only.brokerage.name} connection needs you`;
  if (only)
    return `${needing.length} of ${count(present.length, "connection")} ${needing.length === 1 ? "needs" : "need"} you`;
  if (present.some(({ group }) => group === "nothing-to-do")) return "Nothing for you to do";
  return present.length === 1
    ? "Your connection is working"
    : `All ${count(present.length, "connection")} are working`;
}

/** "Questrade, Robinhood and Kraken" */
export function listNames(names: string[]): string {
  return names.length < 2 ? (names[0] ?? "") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}
