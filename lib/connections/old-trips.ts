import "server-only";
import { and, asc, eq, isNull, lt } from "drizzle-orm";
import { database } from "@/lib/db/client";
import { portalSessions } from "@/lib/db/schema";
import { someAtOnce } from "@/lib/some-at-once";
import { checkPortal } from "./portal";
import { portalOpenMinutes } from "./status";

const mostPerRound = 50;
const atOnce = 4;
const withinMs = 10_000;
/** Signed in, and SnapTrade has not confirmed it in all that time: it will not come from this trip any more. */
const givenUpAfterMs = 3_600_000;

/**
 * Concludes trips whose person never came back to a page of ours: SnapTrade is asked, and what it says ends them.
 * @returns how many were concluded
 */
export async function settleOldTrips(now: Date): Promise<number> {
  const db = await database();
  const old = await db
    .select({ id: portalSessions.id, userId: portalSessions.userId, startedAt: portalSessions.startedAt, claim: portalSessions.claim })
    .from(portalSessions)
    .where(and(isNull(portalSessions.outcome), lt(portalSessions.startedAt, new Date(now.getTime() - portalOpenMinutes * 60_000))))
    .orderBy(asc(portalSessions.startedAt))
    .limit(mostPerRound);
  let concluded = 0;
  await someAtOnce(old, { atOnce, withinMs }, async ({ id, userId, startedAt, claim }) => {
    const { outcome } = await checkPortal({ userId, portalSessionId: id, claim: claim ? null : { status: "UNKNOWN" }, now: new Date() });
    const final = outcome.state === "fixed" || outcome.state === "connected" || outcome.state === "failed";
    if (final) concluded++;
    else if (startedAt.getTime() < now.getTime() - givenUpAfterMs) {
      await db
        .update(portalSessions)
        .set({ outcome: "failed", endedAt: now })
        .where(and(eq(portalSessions.id, id), isNull(portalSessions.outcome)));
    }
  });
  return concluded;
}
