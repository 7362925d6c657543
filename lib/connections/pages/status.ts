import type { ConnectionStatus, StatusGroup } from "@/lib/connections/views";
import { isPortalOpen, isStale, type LookFacts } from "@/lib/connections/look/due";

/** What a connection's status depends on. Times are on SnapTrade's clock unless stated otherwise. */
export interface ConnectionFacts {
  disabled: boolean;
  /** When SnapTrade says it broke; null while it works. */
  disabledAt: Date | null;
  deletedAt: Date | null;
  /** Our clock: when the person asked to remove it. */
  removalRequestedAt: Date | null;
  /** When the newest repaired episode ended. */
  fixedAt: Date | null;
  /** Our clock: since when SnapTrade has listed it in a form we can't read. */
  unreadableSince: Date | null;
  /** The newest portal session for this connection that is still open. Times are on our clock. */
  openPortal: { activeAt: Date; reportedSuccess: boolean } | null;
  /** It broke in an incident at its brokerage that is not over. */
  inIncident: boolean;
  brokerage: { enabled: boolean; maintenance: boolean; degraded: boolean };
}

/** When a page is rendered, and when the reader's day began ("Reconnected" is news until midnight). */
export interface Moment {
  now: Date;
  dayStartedAt: Date;
}

/** The one status of a connection at `now`. The first match wins (docs/decisions/0004-statuses.md). */
export function statusOf(
  connection: ConnectionFacts,
  look: LookFacts,
  { now, dayStartedAt }: Moment,
): ConnectionStatus {
  const { brokerage, openPortal } = connection;
  if (connection.deletedAt) return "removed";
  if (connection.removalRequestedAt) return "removing";
  if (isStale(look, now) || connection.unreadableSince)
    return connection.disabled ? "unknown-disabled" : "unknown-connected";
  if (connection.disabled) {
    if (!brokerage.enabled) return "unsupported";
    if (openPortal && isPortalOpen(openPortal, now))
      return openPortal.reportedSuccess ? "verifying" : "reconnecting";
    if (brokerage.maintenance) return "disabled-maintenance";
    return connection.inIncident ? "disabled-incident" : "disabled";
  }
  if (brokerage.maintenance) return "maintenance";
  if (brokerage.degraded) return "degraded";
  return connection.fixedAt && connection.fixedAt >= dayStartedAt ? "fresh" : "connected";
}

/** The group in which a connection is listed: who has to act next. */
export function groupOf(status: ConnectionStatus): StatusGroup {
  switch (status) {
    case "verifying":
    case "reconnecting":
    case "disabled-incident":
    case "disabled":
    case "unknown-disabled":
      return "needs-you";
    case "connected":
    case "fresh":
    case "unknown-connected":
      return "connected";
    default:
      return "nothing-to-do";
  }
}

/** Whether signing in again is offered and can help (docs/snaptrade.md §3.9, §8.8). */
export function canReconnect(status: ConnectionStatus): boolean {
  return (
    status === "disabled" ||
    status === "reconnecting" ||
    status === "disabled-maintenance" ||
    status === "disabled-incident"
  );
}
