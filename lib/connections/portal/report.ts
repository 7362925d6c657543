import "server-only";
import { and, eq } from "drizzle-orm";
import { transaction } from "@/lib/db/client";
import { portalSessions } from "@/lib/db/schema/portal";
import { AppError } from "@/lib/base/errors";
import { announceChanges, recordChange } from "@/lib/live";
import type { ReportedResult } from "@/lib/connections/views";

/** What a page reports about a portal session: how it ended, or that the page is still open. */
export interface PortalReport {
  reportedResult: ReportedResult | null;
  /** False while the portal is still shown, for example after an error that allows a retry. */
  over: boolean;
  /** The page shows the portal now, so the person is there, whatever was reported before. */
  inside?: boolean;
  /** False when the timer is asking, which is not a sign of the person. */
  fromPage?: boolean;
  /** The fix session that this may be reported for; null for any of the person's portal sessions. */
  within?: string | null;
  /** SnapTrade has already been asked about this person at `now`. */
  asked?: boolean;
}

type Session = typeof portalSessions.$inferSelect;

const weight: Record<ReportedResult["status"], number> = { UNKNOWN: 1, ABANDONED: 1, ERROR: 2, SUCCESS: 3 };

/**
 * Records what a page says about a session, unless the session has succeeded. A session that was left, from
 * another tab or by the timer, reopens when a page shows its portal.
 * @throws AppError not-found for another person's session, and for one outside of the fix session
 */
export async function recordReport(
  userId: string,
  portalSessionId: string,
  report: PortalReport,
  now: Date,
): Promise<void> {
  const { over, inside = false, fromPage = true, within } = report;
  const own = and(
    eq(portalSessions.id, portalSessionId),
    eq(portalSessions.userId, userId),
    within ? eq(portalSessions.fixSessionId, within) : undefined,
  );
  await transaction(async (tx) => {
    const [session] = await tx.select().from(portalSessions).where(own).for("update");
    if (!session) throw new AppError("not-found");
    if (session.outcome !== null && session.outcome !== "failed") return;
    const back = inside && !over && session.leftAt !== null && isResumable(session) ? resumed(session) : null;
    const news = newsOf({ ...session, ...back }, report, now);
    await tx
      .update(portalSessions)
      .set({
        activeAt: fromPage ? now : session.activeAt,
        ...back,
        ...news,
        // The person may have returned on a page that doesn't report it, so the newest end counts.
        ...(over && (fromPage || !session.leftAt) ? { leftAt: now } : {}),
      })
      .where(own);
    if (news || over || back) await recordChange(tx, userId);
  });
  await announceChanges();
}

/**
 * Whether a session can reopen: not after a success, whether recorded or only reported, because someone who
 * has signed in isn't waiting in a portal that another tab still shows.
 */
export function isResumable({ outcome, reportedStatus }: Session): boolean {
  return (
    (outcome === null || outcome === "failed" || outcome === "not-opened") && reportedStatus !== "SUCCESS"
  );
}

/** What changes when a session reopens: it is no longer left, while a reported error still stands. */
export function resumed({ reportedStatus }: Session) {
  const open = { leftAt: null, outcome: null, endedAt: null };
  return reportedStatus === "ERROR"
    ? open
    : { ...open, reportedStatus: null, reportedCode: null, reportedAt: null };
}

/**
 * Messages repeat and arrive in any order (docs/snaptrade.md §4.9). The most informative one is kept, and the
 * newer of two errors with a code. A repeated end is a new end, so it is checked again from then on.
 */
function newsOf(
  session: Pick<Session, "reportedStatus">,
  { reportedResult, over, fromPage = true }: PortalReport,
  now: Date,
) {
  if (!reportedResult) return null;
  const said = session.reportedStatus ? weight[session.reportedStatus] : 0;
  const code = reportedResult.status === "ERROR" ? reportedResult.code : null;
  if (weight[reportedResult.status] > said || (code !== null && said === weight.ERROR))
    return { reportedStatus: reportedResult.status, reportedCode: code, reportedAt: now };
  return over && fromPage && reportedResult.status === session.reportedStatus ? { reportedAt: now } : null;
}
