/** What we know of one connection, as far as its status depends on it. Times are on SnapTrade's clock unless said otherwise. */
export interface ConnectionFacts {
  disabled: boolean;
  /** When SnapTrade says it broke; null while it works. */
  disabledAt: Date | null;
  deletedAt: Date | null;
  /** Our clock: when the person asked to remove it. */
  removalRequestedAt: Date | null;
  /** When its newest episode ended with a repair that we saw. */
  fixedAt: Date | null;
  /** Our clock: since when SnapTrade lists it in a form that we cannot read. */
  unreadableSince: Date | null;
  /** The newest portal session for this connection that has no outcome yet and was not left; times on our clock. */
  openPortal: { activeAt: Date; claimedSuccess: boolean } | null;
  /** It broke in a wave of breaks at this brokerage that has not calmed down. */
  inWave: boolean;
  brokerage: { enabled: boolean; maintenance: boolean; degraded: boolean };
}

/** When the person's connections were last read from SnapTrade, on our clock. */
export interface LookFacts {
  lookedAt: Date | null;
  /** The newest look that failed since the last one that succeeded. */
  lookFailedAt: Date | null;
  /** Set when something contradicts what we know: look again from then on. */
  lookDueAt: Date | null;
  /** One of the person's connections needs reconnecting: whoever has a page of it open waits for news. */
  anyDisabled?: boolean;
  /** SnapTrade refuses this person's secret: nothing is asked before, whatever else is due. */
  askAgainAt?: Date | null;
}

export type ConnectionStatus =
  | "removed"
  | "removing"
  | "unknown-connected"
  | "unknown-disabled"
  | "unsupported"
  | "verifying"
  | "reconnecting"
  | "disabled-maintenance"
  | "disabled-wave"
  | "disabled"
  | "maintenance"
  | "degraded"
  | "fresh"
  | "connected";

export type StatusGroup = "needs-you" | "nothing-to-do" | "connected";

/** The moment a page is drawn for, and when its reader's day began ("Reconnected" is news until midnight). */
export interface Moment {
  now: Date;
  dayStartedAt: Date;
}

export const portalOpenMinutes = 10;
export const staleAfterHours = 24;
/** A page that is opened looks at SnapTrade when the last look is older than this. */
export const lookAfterMinutes = 5;
/** While something on an open page needs reconnecting, which may happen elsewhere. */
const lookAfterMinutesIfDisabled = 1;
const retryAfterMinutes = 1;

/** True when what we last saw is no longer a statement about now: the last look failed, or none succeeded for a day. */
export function isStale(look: LookFacts, now: Date): boolean {
  if (look.lookFailedAt) return true;
  return !look.lookedAt || now.getTime() - look.lookedAt.getTime() > staleAfterHours * 3_600_000;
}

/** True when it is time to ask SnapTrade again; after a failure that is not at once, whatever the reason to look was. */
export function isLookDue(look: LookFacts, now: Date): boolean {
  const expected = expectedLookAt(look);
  if (expected && expected <= now) return true;
  return !look.lookFailedAt && (!look.lookedAt || now.getTime() - look.lookedAt.getTime() > lookAfterMinutes * 60_000);
}

/** When an open page may expect news without being opened again: after a failed look, after a contradiction, and while something is broken. */
export function expectedLookAt({ lookedAt, lookFailedAt, lookDueAt, anyDisabled, askAgainAt }: LookFacts): Date | null {
  if (askAgainAt) return askAgainAt;
  if (lookFailedAt) return new Date(lookFailedAt.getTime() + retryAfterMinutes * 60_000);
  const again = anyDisabled && lookedAt ? new Date(lookedAt.getTime() + lookAfterMinutesIfDisabled * 60_000) : null;
  return again && lookDueAt ? (again < lookDueAt ? again : lookDueAt) : (again ?? lookDueAt);
}

/** The one status a connection has at `now`; first match wins, as in the design's table (docs/decisions/0004-statuses.md). */
export function statusOf(connection: ConnectionFacts, look: LookFacts, { now, dayStartedAt }: Moment): ConnectionStatus {
  const { brokerage, openPortal } = connection;
  if (connection.deletedAt) return "removed";
  if (connection.removalRequestedAt) return "removing";
  if (isStale(look, now) || connection.unreadableSince) return connection.disabled ? "unknown-disabled" : "unknown-connected";
  if (connection.disabled) {
    if (!brokerage.enabled) return "unsupported";
    if (openPortal && isPortalOpen(openPortal, now)) return openPortal.claimedSuccess ? "verifying" : "reconnecting";
    if (brokerage.maintenance) return "disabled-maintenance";
    return connection.inWave ? "disabled-wave" : "disabled";
  }
  if (brokerage.maintenance) return "maintenance";
  if (brokerage.degraded) return "degraded";
  return connection.fixedAt && connection.fixedAt >= dayStartedAt ? "fresh" : "connected";
}

/** Who has the next move decides the group a connection is listed in. */
export function groupOf(status: ConnectionStatus): StatusGroup {
  switch (status) {
    case "verifying":
    case "reconnecting":
    case "disabled-wave":
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

/** Statuses in which signing in again is offered and can help. */
export function canReconnect(status: ConnectionStatus): boolean {
  return status === "disabled" || status === "reconnecting" || status === "disabled-maintenance" || status === "disabled-wave";
}

/** Whether somebody may still be in the portal: both times are on one clock. */
export function isPortalOpen({ activeAt }: { activeAt: Date }, now: Date): boolean {
  return now.getTime() - activeAt.getTime() < portalOpenMinutes * 60_000;
}
