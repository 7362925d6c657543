import "server-only";
import { and, desc, eq, isNull, lte } from "drizzle-orm";
import type { Transaction } from "@/lib/db/database";
import { portalSessions } from "@/lib/db/schema";
import { noteChange } from "@/lib/live";
import { isPortalOpen } from "./status";

/** Trips start on our clock and attempts end on SnapTrade's, which may be a little off. */
const clockSlackMs = 5_000;

/**
 * Notes how a sign-in ended on the person's open trip to that brokerage. SnapTrade names no connection and no session (FACTS 6.2),
 * so the newest trip that was open then is meant; without a brokerage, only one that is the only one.
 * @param at SnapTrade's clock
 * @returns whether a trip fits
 */
export async function noteAttempt(
  tx: Transaction,
  userId: string,
  { brokerageId, result, at }: { brokerageId: string | null; result: string; at: Date },
): Promise<boolean> {
  const open = await tx
    .select({ id: portalSessions.id, startedAt: portalSessions.startedAt, attemptResult: portalSessions.attemptResult })
    .from(portalSessions)
    .where(
      and(
        eq(portalSessions.userId, userId),
        isNull(portalSessions.outcome),
        lte(portalSessions.startedAt, new Date(at.getTime() + clockSlackMs)),
        brokerageId ? eq(portalSessions.brokerageId, brokerageId) : undefined,
      ),
    )
    .orderBy(desc(portalSessions.startedAt));
  const fitting = open.filter(({ startedAt }) => isPortalOpen({ openedAt: startedAt }, at));
  const [newest] = fitting;
  if (!newest || (!brokerageId && fitting.length > 1)) return false;
  // "Failed" without a reason takes no reason back.
  if (brokerageId || !newest.attemptResult) {
    await tx.update(portalSessions).set({ attemptResult: result }).where(eq(portalSessions.id, newest.id));
    await noteChange(tx, userId);
  }
  return true;
}
