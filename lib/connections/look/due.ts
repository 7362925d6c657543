/** When the person's connections were last read from SnapTrade, on our clock. */
export interface LookFacts {
  lookedAt: Date | null;
  /** The newest look that failed since the last one that succeeded. */
  lookFailedAt: Date | null;
  /** Set when something contradicts what we know: look again from then on. */
  lookDueAt: Date | null;
  /**
   * One of the person's connections needs reconnecting, so a person with an open page is waiting for news.
   */
  anyDisabled?: boolean;
  /** SnapTrade refuses this person's secret: no look before this time, whatever else is due. */
  askAgainAt?: Date | null;
}

export const portalOpenMinutes = 10;
const staleAfterHours = 24;
/** A page that is opened looks at SnapTrade when the last look is older than this. */
const lookAfterMinutes = 5;
/** While an open page shows something to reconnect, since the repair may happen elsewhere. */
const lookAfterMinutesIfDisabled = 1;
const retryAfterMinutes = 1;

/**
 * True when what we last saw is no longer a statement about now: the last look failed, or none succeeded for
 * a day.
 */
export function isStale(look: LookFacts, now: Date): boolean {
  if (look.lookFailedAt) return true;
  return !look.lookedAt || now.getTime() - look.lookedAt.getTime() > staleAfterHours * 3_600_000;
}

/**
 * True when it is time to ask SnapTrade again; after a failure that is not at once, whatever the reason to
 * look was.
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
 * When an open page may expect news on its own: after a failed look, after a contradiction, and while
 * something is broken.
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

/** Whether the person may still be in the portal; both times are on the same clock. */
export function isPortalOpen({ activeAt }: { activeAt: Date }, now: Date): boolean {
  return now.getTime() - activeAt.getTime() < portalOpenMinutes * 60_000;
}
