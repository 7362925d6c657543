import "server-only";
import { eq, isNotNull } from "drizzle-orm";
import { database, transaction } from "@/lib/db/client";
import type { Transaction } from "@/lib/db/database";
import { notices } from "@/lib/db/notice-schema";
import { connections, portalSessions, sessions, snapTradeUsers, users } from "@/lib/db/schema";
import { webhookEvents } from "@/lib/db/work-schema";
import { describeError, log } from "@/lib/log";
import { deleteSnapTradeUser } from "@/lib/snaptrade/users";
import { someAtOnce } from "@/lib/some-at-once";
import { look } from "./look";

const mostPerRound = 50;
const atOnce = 4;
const withinMs = 10_000;

/**
 * Begins to forget a person: signs them out everywhere and asks SnapTrade to delete its record of them.
 * Whoever never had one is forgotten at once; the others when SnapTrade has confirmed it.
 */
export async function requestForgetting(userId: string, now: Date): Promise<void> {
  await transaction(async (tx) => {
    await tx.delete(sessions).where(eq(sessions.userId, userId));
    await tx.update(users).set({ deletionRequestedAt: now }).where(eq(users.id, userId));
  });
  await forget(userId);
}

/**
 * Goes on with everybody who asked to be forgotten.
 * @returns how many now are
 */
export async function finishForgetting(now: Date): Promise<number> {
  const db = await database();
  const waiting = await db.select({ id: users.id }).from(users).where(isNotNull(users.deletionRequestedAt)).limit(mostPerRound);
  let forgotten = 0;
  await someAtOnce(waiting, { atOnce, withinMs }, async ({ id }) => {
    // An event tells that it is done; where none comes, SnapTrade's refusal of their secret does.
    await look(id, now, "timer");
    if (await forget(id)) forgotten++;
  });
  return forgotten;
}

/** Removes all that is theirs once SnapTrade has nothing of them any more; until then asks for that, again and again. */
async function forget(userId: string): Promise<boolean> {
  const db = await database();
  const [record] = await db.select().from(snapTradeUsers).where(eq(snapTradeUsers.userId, userId));
  if (record && !record.goneAt) {
    await deleteSnapTradeUser(record.snapTradeUserId).catch((error: unknown) =>
      log.warn(describeError(error), "SnapTrade could not be asked to delete a user; the next round asks again"),
    );
    return false;
  }
  if (record) {
    // The id of each event stays, so that a late copy of it is still known; what it said does not.
    await db
      .update(webhookEvents)
      .set({ payload: "{}", snapTradeUserId: null, connectionId: null, attemptResult: null })
      .where(eq(webhookEvents.snapTradeUserId, record.snapTradeUserId));
  }
  await transaction(async (tx) => {
    await lockAllOf(tx, userId);
    await tx.delete(users).where(eq(users.id, userId));
  });
  return true;
}

/** What is deleted along with a person would else be locked after their own row, against the one order (docs/decisions/0010). */
async function lockAllOf(tx: Transaction, userId: string): Promise<void> {
  for (const table of [connections, portalSessions, notices])
    await tx.select({ id: table.id }).from(table).where(eq(table.userId, userId)).orderBy(table.id).for("update");
  await tx.select({ userId: snapTradeUsers.userId }).from(snapTradeUsers).where(eq(snapTradeUsers.userId, userId)).for("update");
}
