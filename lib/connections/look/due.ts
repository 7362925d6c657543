/** What decides whether a person's connections have to be read. Times are on our clock. */
export interface LookFacts {
  lookedAt: Date | null;
  /** The newest failed look since the last successful one. */
  lookFailedAt: Date | null;
  /** When to look again because something contradicts what we know. */
  lookDueAt: Date | null;
  /** One of their connections needs reconnecting, so an open page is waiting for news. */
  anyDisabled?: boolean;
  /** SnapTrade refuses this person's secret: no look before this time, for any reason. */
  askAgainAt?: Date | null;
}

export const portalOpenMinutes = 10;
const staleAfterHours = 24;
/** Opening a page triggers a look when the last one is older than this. */
const lookAfterMinutes = 5;
/** The same while something needs reconnecting, since the repair may happen elsewhere. */
const lookAfterMinutesIfDisabled = 1;
const retryAfterMinutes = 1;

/** Whether what we last saw may no longer be true: the last look failed, or none succeeded for a day. */
export function isStale(look: LookFacts, now: Date): boolean {
  if (look.lookFailedAt) return true;
  return !look.lookedAt || now.getTime() - look.lookedAt.getTime() > staleAfterHours * 3_600_000;
}

/**
 * Whether it is time to ask SnapTrade again. After a failure, a minute has to pass, whatever the reason to
 * look.
 */
export function isLookDue(look: LookFacts, now: Date): boolean {
  const expected = expectedLookAt(look);
  if (expected && expected <= now) return true;
  return (
    !look.lookFailedAt &&
    (!look.lookedAt || now.getTime() - look.lookedAt.getTime() > lookAfterMinutes * 60_000)
  );
}

/**
 * When the next look is due even if nobody opens a page: after a failure, after a contradiction, and while
 * something needs reconnecting. Null if there is no such reason.
 */
export function expectedLookAt({
  lookedAt,
  lookFailedAt,
  lookDueAt,
  anyDisabled,
  askAgainAt,
}: LookFacts): Date | null {
  if (askAgainAt) return askAgainAt;
  if (lookFailedAt) return new Date(lookFailedAt.getTime() + retryAfterMinutes * 60_000);
  const again =
    anyDisabled && lookedAt ? new Date(lookedAt.getTime() + lookAfterMinutesIfDisabled * 60_000) : null;
  return again && lookDueAt ? (again < lookDueAt ? again : lookDueAt) : (again ?? lookDueAt);
}

/** Whether the person may still be in the portal. Both times are on the same clock. */
export function isPortalOpen({ activeAt }: { activeAt: Date }, now: Date): boolean {
  return now.getTime() - activeAt.getTime() < portalOpenMinutes * 60_000;
}
