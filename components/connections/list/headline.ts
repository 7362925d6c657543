import type { ConnectionsView, ConnectionView } from "@/lib/connections/views";
import { ago, clock, count, type Viewer } from "@/lib/base/times";

/** The page in one line; also the title of its tab. */
export function headlineOf(
  { connections, lookedAt, unreachable, gone, known, unreadable }: ConnectionsView,
  viewer: Viewer,
  now: Date,
): string {
  const present = connections.filter(({ status }) => status !== "removed");
  const needing = present.filter(({ group }) => group === "needs-you");
  const [only] = needing;
  if (present.length === 0 && !known)
    return unreachable ? "SnapTrade isn’t responding yet" : "Looking for your connections";
  if (present.length === 0 && unreadable > 0) return "Your connections can’t be shown yet";
  if (gone === "not-ours") return "Your connections can’t be checked";
  if (present.length === 0)
    return connections.length > 0 ? "You have no connections" : "Connect your first brokerage";
  if (gone) return "Connect your brokerages again";
  if (unreachable)
    return lookedAt
      ? `As of ${clock(viewer, lookedAt)}, ${ago(viewer, lookedAt, now)}`
      : "SnapTrade isn’t responding yet";
  if (only && present.length === 1) return `Your ${only.brokerage.name} connection needs you`;
  if (only)
    return `${needing.length} of ${count(present.length, "connection")} ${needing.length === 1 ? "needs" : "need"} you`;
  if (present.some(({ group }) => group === "nothing-to-do")) return "Nothing for you to do";
  return present.length === 1
    ? "Your connection is working"
    : `All ${count(present.length, "connection")} are working`;
}

export const isRepairable = ({ status, canReconnect }: ConnectionView) =>
  canReconnect && (status === "disabled" || status === "reconnecting");

/** What the headline leaves open: why, and what to do. Never repeats the headline. */
export function leadOf(view: ConnectionsView, appName: string): string {
  const { connections, unreachable, gone, repairsOff } = view;
  const repairable = connections.filter(isRepairable);
  if (gone === "not-ours")
    return `SnapTrade no longer accepts ${appName}’s access to them, and connecting again here won’t help. Open the app or website where you made them.`;
  if (gone) {
    const why =
      gone === "refused"
        ? `SnapTrade no longer accepts ${appName}’s access to these connections`
        : `SnapTrade has deleted ${appName}’s access to these connections`;
    return `${why}, so we can’t check or repair them. Once you connect again, the old entries disappear.`;
  }
  if (unreachable) {
    return `We can’t reach SnapTrade right now, so your ${count(connections.length, "connection")} ${connections.length === 1 ? "is" : "are"} shown as we last saw ${connections.length === 1 ? "it" : "them"}. Nothing is wrong on your side. We’ll keep trying.`;
  }
  if (repairable.length > 0) {
    return `${listNames(repairable.map(({ brokerage }) => brokerage.name))} stopped sharing data with ${appName}. Reconnecting keeps the same accounts and history.`;
  }
  if (connections.some(({ status }) => status === "verifying"))
    return "You signed in. We’re asking SnapTrade to confirm.";
  if (connections.every(({ status }) => status === "removed"))
    return "Removed connections stay on this page for a day.";
  const waiting = connections.filter(({ group }) => group === "needs-you");
  if (waiting.length > 0 && repairsOff)
    return `${listNames(waiting.map(({ brokerage }) => brokerage.name))} stopped sharing data with ${appName}.`;
  if (waiting.length > 0)
    return `${listNames(waiting.map(({ brokerage }) => brokerage.name))} may not accept a sign-in yet. See why below.`;
  return connections.every(({ group }) => group === "connected")
    ? "There’s nothing for you to do. If one stops, you’ll see it here."
    : "See what we’re waiting for below.";
}

/** "Questrade and Kraken"; "Questrade, Robinhood, and Kraken" */
export function listNames(names: string[]): string {
  return new Intl.ListFormat("en-US", { type: "conjunction" }).format(names);
}
