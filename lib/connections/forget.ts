import "server-only";
import { and, eq, inArray, isNotNull, isNull, lte, notExists, sql } from "drizzle-orm";
import { database, transaction } from "@/lib/db/client";
import type { Transaction } from "@/lib/db/database";
import { formerSnapTradeUsers } from "@/lib/db/former-schema";
import { connections, sessions, snapTradeUsers, users, verificationTokens } from "@/lib/db/schema";
import { webhookEvents } from "@/lib/db/work-schema";
import { describeError, log } from "@/lib/log";
import { someAtOnce } from "@/lib/some-at-once";
import { deleteFormersOf } from "./former-users";
import { growingGapMs } from "./gaps";
import { retire } from "./snaptrade-user";

const maxPerRound = 50;
const pace = { atOnce: 4, withinMs: 10_000 };

/**
 * Begins to delete a person: signs them out everywhere, from then on lets nothing be connected for them, and asks SnapTrade to delete
 * every user it ever had for them. Whoever never had one is deleted at once; the others when SnapTrade has confirmed all of them.
 */
export async function requestForgetting(userId: string, now: Date): Promise<void> {
  await transaction(async (tx) => {
    const [user] = await tx
      .update(users)
      .set({ deletionRequestedAt: sql`coalesce(${users.deletionRequestedAt}, ${now.toISOString()}::timestamptz)`, deletionRunAt: now })
      .where(eq(users.id, userId))
      .returning({ email: users.email });
    await tx.delete(sessions).where(eq(sessions.userId, userId));
    if (user) await tx.delete(verificationTokens).where(eq(verificationTokens.identifier, user.email));
  });
  await forget(userId, now);
}

/**
 * Goes on with everybody whose account is being deleted and for whom SnapTrade has nothing left to confirm; each fails alone,
 * and is tried again at growing gaps.
 * @returns how many are deleted now
 */
export async function finishForgetting(now: Date): Promise<number> {
  const db = await database();
  const waiting = db
    .select({ one: sql`1` })
    .from(formerSnapTradeUsers)
    .where(and(eq(formerSnapTradeUsers.userId, users.id), isNull(formerSnapTradeUsers.deletedAt)));
  const due = await db
    .select({ id: users.id, attempts: users.deletionAttempts })
    .from(users)
    .where(and(isNotNull(users.deletionRequestedAt), lte(users.deletionRunAt, now), notExists(waiting)))
    .orderBy(users.deletionRunAt)
    .limit(maxPerRound);
  let forgotten = 0;
  await someAtOnce(due, pace, async ({ id, attempts }) => {
    try {
      if (await forget(id, now)) forgotten++;
    } catch (error) {
      log.error(describeError(error), "An account could not be deleted; it is tried again later");
      const deletionRunAt = new Date(now.getTime() + growingGapMs(attempts + 1));
      const deletionLastError = error instanceof Error ? error.name : "unknown";
      await db
        .update(users)
        .set({ deletionRunAt, deletionAttempts: attempts + 1, deletionLastError })
        .where(eq(users.id, id));
    }
  });
  return forgotten;
}

/** Removes all that is theirs once SnapTrade has nothing of them any more; until then asks for that where it is due. */
async function forget(userId: string, now: Date): Promise<boolean> {
  await transaction(async (tx) => {
    // The deletion is committed already, so nobody registers them again behind this.
    const [present] = await tx.select().from(snapTradeUsers).where(eq(snapTradeUsers.userId, userId)).for("update");
    if (present) await retire(tx, present, now);
  });
  await deleteFormersOf(userId, now);
  return transaction((tx) => erase(tx, userId));
}

/** @returns false while SnapTrade may still have something of them */
async function erase(tx: Transaction, userId: string): Promise<boolean> {
  const own = await tx.select({ id: connections.id }).from(connections).where(eq(connections.userId, userId)).orderBy(connections.id).for("update");
  const ofUser = eq(formerSnapTradeUsers.userId, userId);
  const formers = await tx.select().from(formerSnapTradeUsers).where(ofUser).orderBy(formerSnapTradeUsers.snapTradeUserId).for("update");
  const [present] = await tx.select({ userId: snapTradeUsers.userId }).from(snapTradeUsers).where(eq(snapTradeUsers.userId, userId));
  if (present || formers.some(({ deletedAt }) => deletedAt === null)) return false;

  // The id of each event stays, so that a late copy of it is still known; what it said does not.
  const emptied = { payload: "{}", snapTradeUserId: null, connectionId: null, attemptResult: null, problem: null };
  const names = formers.map(({ snapTradeUserId }) => snapTradeUserId);
  const connectionIds = own.map(({ id }) => id);
  if (names.length > 0) await tx.update(webhookEvents).set(emptied).where(inArray(webhookEvents.snapTradeUserId, names));
  if (connectionIds.length > 0) {
    const aboutTheirs = and(isNull(webhookEvents.snapTradeUserId), inArray(webhookEvents.connectionId, connectionIds));
    await tx.update(webhookEvents).set(emptied).where(aboutTheirs);
  }
  await tx.delete(connections).where(eq(connections.userId, userId));
  const [user] = await tx.delete(users).where(eq(users.id, userId)).returning({ email: users.email });
  if (user) await tx.delete(verificationTokens).where(eq(verificationTokens.identifier, user.email));
  return true;
}
