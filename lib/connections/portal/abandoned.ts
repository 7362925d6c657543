import "server-only";
import { and, asc, eq, isNull, lt } from "drizzle-orm";
import { database } from "@/lib/db/client";
import { portalSessions } from "@/lib/db/schema/portal";
import { describeError, log } from "@/lib/base/log";
import { forEachConcurrently } from "@/lib/base/for-each-concurrently";
import { checkPortal } from "./check";
import { isFinal } from "./outcome";
import { portalOpenMinutes } from "@/lib/connections/look/due";

const maxPerRound = 50;
const atOnce = 4;
const withinMs = 10_000;
/** After this long, SnapTrade won't confirm a sign-in any more. */
const givenUpAfterMs = 3_600_000;

/**
 * Concludes portal sessions without a sign of the person for ten minutes, from what SnapTrade says now.
 * SnapTrade is asked once per person, however many sessions they left, and a failure affects only that
 * session.
 * @returns how many were concluded
 */
export async function closeAbandonedSessions(now: Date): Promise<number> {
  const db = await database();
  const old = await db
    .select({
      id: portalSessions.id,
      userId: portalSessions.userId,
      activeAt: portalSessions.activeAt,
      reportedStatus: portalSessions.reportedStatus,
    })
    .from(portalSessions)
    .where(
      and(
        isNull(portalSessions.outcome),
        lt(portalSessions.activeAt, new Date(now.getTime() - portalOpenMinutes * 60_000)),
      ),
    )
    .orderBy(asc(portalSessions.activeAt))
    .limit(maxPerRound);
  let concluded = 0;
  const people = [...new Set(old.map(({ userId }) => userId))];
  await forEachConcurrently(people, { atOnce, withinMs }, async (userId) => {
    const askedAt = new Date();
    for (const [index, session] of old.filter((one) => one.userId === userId).entries()) {
      if (await close(session, askedAt, index > 0)) concluded++;
      else if (session.activeAt.getTime() < now.getTime() - givenUpAfterMs) await giveUp(session.id, now);
    }
  });
  return concluded;
}

type AbandonedSession = Pick<
  typeof portalSessions.$inferSelect,
  "id" | "userId" | "activeAt" | "reportedStatus"
>;

async function close(
  { id, userId, reportedStatus }: AbandonedSession,
  now: Date,
  asked: boolean,
): Promise<boolean> {
  const report = {
    reportedResult: reportedStatus ? null : ({ status: "ABANDONED" } as const),
    over: true,
    fromPage: false,
    asked,
  };
  try {
    const { outcome } = await checkPortal({ userId, portalSessionId: id, ...report, now });
    return isFinal(outcome);
  } catch (error) {
    log.error({ portalSessionId: id, ...describeError(error) }, "A portal session could not be concluded");
    return false;
  }
}

async function giveUp(id: string, now: Date): Promise<void> {
  const db = await database();
  await db
    .update(portalSessions)
    .set({ outcome: "failed", endedAt: now })
    .where(and(eq(portalSessions.id, id), isNull(portalSessions.outcome)));
}
