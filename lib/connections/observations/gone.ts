import "server-only";
import { and, eq, isNull, lte, or, sql } from "drizzle-orm";
import { growingGapMs } from "@/lib/base/backoff";
import { database, transaction } from "@/lib/db/client";
import { snapTradeUsers } from "@/lib/db/schema/users";
import { announceChanges, recordChange } from "@/lib/live";
import { recordEvents } from "@/lib/events/record";
import { goneEvent } from "./state-events";
import type { Transaction } from "@/lib/db/database";

const notDeleted = sql`${snapTradeUsers.goneReason} is distinct from 'deleted'`;

/**
 * Records that SnapTrade deleted this user (docs/snaptrade.md §2.3). No more calls are made for them, and
 * their pages say so. Does nothing if that is known.
 */
export async function recordUserDeleted(
  tx: Pick<Transaction, "update" | "execute">,
  snapTradeUserId: string,
  goneAt: Date,
): Promise<void> {
  const [gone] = await tx
    .update(snapTradeUsers)
    .set({ goneAt, goneReason: "deleted", refusals: 0, askAgainAt: null })
    .where(and(eq(snapTradeUsers.snapTradeUserId, snapTradeUserId), notDeleted))
    .returning({ userId: snapTradeUsers.userId });
  if (!gone) return;
  await recordEvents(tx, [goneEvent(gone.userId, goneAt, "deleted")]);
  await recordChange(tx, gone.userId);
}

/**
 * We believe a refusal after three, each after a longer wait. After 30, over about a month, only a person's
 * click asks again.
 */
const refusalsToBelieve = 3;
const maxRefusals = 30;

/** How a successful look clears earlier refusals; a user whom SnapTrade deleted stays deleted. */
export const accepted = {
  refusals: 0,
  askAgainAt: null,
  goneAt: sql`case when ${snapTradeUsers.goneReason} = 'refused' then null else ${snapTradeUsers.goneAt} end`,
  goneReason: sql`nullif(${snapTradeUsers.goneReason}, 'refused')`,
};

/**
 * Records that SnapTrade refused this person's secret (1083). The first refusals prove nothing
 * (docs/snaptrade.md §8.18), and only one that comes after the wait counts, so clicks neither prove anything
 * nor lengthen the waits.
 * @param now our clock
 */
export async function recordRefusal(userId: string, now: Date): Promise<void> {
  await transaction(async (tx) => {
    const own = and(eq(snapTradeUsers.userId, userId), notDeleted);
    const [row] = await tx.select().from(snapTradeUsers).where(own).for("update");
    if (!row) return;
    const isDue = row.refusals < maxRefusals && (!row.askAgainAt || row.askAgainAt <= now);
    const refusals = row.refusals + (isDue ? 1 : 0);
    const next = refusals < maxRefusals ? new Date(now.getTime() + growingGapMs(refusals)) : null;
    const isBelieved = refusals >= refusalsToBelieve && !row.goneAt;
    await tx
      .update(snapTradeUsers)
      .set({
        refusals,
        askAgainAt: isDue ? next : row.askAgainAt,
        lookFailedAt: now,
        ...(isBelieved ? { goneAt: now, goneReason: "refused" } : {}),
      })
      .where(own);
    if (isBelieved) await recordEvents(tx, [goneEvent(userId, now, "refused")]);
    await recordChange(tx, userId);
  });
  await announceChanges();
}

/** People whose refused secret is due to be tried again, longest overdue first. */
export async function listRefused(now: Date, limit: number): Promise<string[]> {
  const db = await database();
  // A call that failed for another reason proves nothing, and must not be repeated every round.
  const notJustFailed = or(
    isNull(snapTradeUsers.lookFailedAt),
    lte(snapTradeUsers.lookFailedAt, new Date(now.getTime() - growingGapMs(1))),
  );
  const rows = await db
    .select({ userId: snapTradeUsers.userId })
    .from(snapTradeUsers)
    .where(and(lte(snapTradeUsers.askAgainAt, now), notJustFailed))
    .orderBy(snapTradeUsers.askAgainAt)
    .limit(limit);
  return rows.map(({ userId }) => userId);
}
