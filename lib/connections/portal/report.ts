import "server-only";
import { and, eq } from "drizzle-orm";
import { transaction } from "@/lib/db/client";
import { portalSessions } from "@/lib/db/schema/portal";
import { AppError } from "@/lib/base/errors";
import { announceChanges, recordChange } from "@/lib/live";
import type { ReportedResult } from "@/lib/connections/views";

/** What a page reports about a visit: how it ended, or that the page is still open. */
export interface PortalReport {
  reportedResult: ReportedResult | null;
  /** False while the portal is still shown, for example after an error that it lets the person retry. */
  over: boolean;
  /** The page shows the portal right now, so the person is there, whatever was reported before. */
  inside?: boolean;
  /** False when no page is asking, so this is no sign of the person. */
  fromPage?: boolean;
  /** SnapTrade was asked about this person at `now` already. */
  asked?: boolean;
}

type Session = typeof portalSessions.$inferSelect;

const weight: Record<ReportedResult["status"], number> = { UNKNOWN: 1, ABANDONED: 1, ERROR: 2, SUCCESS: 3 };

/**
 * Records what a page says about a session of this person, unless the session has succeeded.
 * A session that was left, from another tab or by the timer, is open again while a page shows the portal.
 * @returns whether the session had succeeded before
 * @throws AppError not-found for a session that belongs to someone else
 */
export async function recordReport(
  userId: string,
  portalSessionId: string,
  report: PortalReport,
  now: Date,
): Promise<{ succeeded: boolean }> {
  const own = and(eq(portalSessions.id, portalSessionId), eq(portalSessions.userId, userId));
  const { over, inside = false, fromPage = true } = report;
  const { succeeded, changed } = await transaction(async (tx) => {
    const [session] = await tx.select().from(portalSessions).where(own).for("update");
    if (!session) throw new AppError("not-found");
    const succeeded = session.outcome === "fixed" || session.outcome === "connected";
    if (session.outcome !== null && session.outcome !== "failed") return { succeeded, changed: false };
    const back = inside && !over && session.leftAt !== null && isResumable(session) ? resumed(session) : null;
    const news = newsOf({ ...session, ...back }, report, now);
    await tx
      .update(portalSessions)
      .set({
        activeAt: fromPage ? now : session.activeAt,
        ...back,
        ...news,
        // The person may have been back without a sign of it, on a page of its own; the newest end counts.
        ...(over && (fromPage || !session.leftAt) ? { leftAt: now } : {}),
      })
      .where(own);
    if (!news && !over && !back) return { succeeded, changed: false };
    await recordChange(tx, userId);
    return { succeeded, changed: true };
  });
  if (changed) await announceChanges();
  return { succeeded };
}

/**
 * Not one that has succeeded, nor one where the person says so: whoever has signed in waits for nothing in a
 * portal still shown elsewhere.
 */
export function isResumable({ outcome, reportedStatus }: Session): boolean {
  return (
    (outcome === null || outcome === "failed" || outcome === "not-opened") && reportedStatus !== "SUCCESS"
  );
}

/**
 * What is true of a session in which the person is, or is again: having left it no longer is, an error still
 * is.
 */
export function resumed({ reportedStatus }: Session) {
  const open = { leftAt: null, outcome: null, endedAt: null };
  return reportedStatus === "ERROR"
    ? open
    : { ...open, reportedStatus: null, reportedCode: null, reportedAt: null };
}

/**
 * Messages repeat and arrive in any order; we keep the most informative one, the newer of two errors with a
 * code, and leaving afterwards overrides nothing. The same end once more is a new end, to be checked from
 * then on.
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
