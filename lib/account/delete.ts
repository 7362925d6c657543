import "server-only";
import { and, eq, inArray, isNotNull, isNull, lte, notExists, or, sql } from "drizzle-orm";
import { database, transaction } from "@/lib/db/client";
import type { Transaction } from "@/lib/db/database";
import { formerSnapTradeUsers } from "@/lib/db/schema/former-users";
import { notices } from "@/lib/db/schema/notices";
import { sessions, verificationTokens } from "@/lib/db/schema/auth";
import { connections } from "@/lib/db/schema/connections";
import { fixSessions } from "@/lib/db/schema/fix-sessions";
import { portalSessions } from "@/lib/db/schema/portal";
import { snapTradeUsers, users } from "@/lib/db/schema/users";
import { emptiedEvent, inboxEvents, webhookEvents } from "@/lib/db/schema/webhooks";
import { snapTradeCalls } from "@/lib/db/schema/work";
import { describeError, log } from "@/lib/base/log";
import { refuseInShadow } from "@/lib/base/mode";
import { forEachConcurrently } from "@/lib/base/for-each-concurrently";
import { eraseEvents } from "@/lib/events/erase";
import { deleteFormersOf } from "./former-users";
import { growingGapMs } from "@/lib/base/backoff";
import { retire } from "@/lib/connections/observations/snaptrade-user";

const maxPerRound = 50;
const pace = { atOnce: 4, withinMs: 10_000 };

/**
 * Starts deleting a person: signs them out everywhere, blocks new connections, and asks SnapTrade to delete
 * every user it ever had for them. A person who never had one is deleted at once, everyone else once
 * SnapTrade has confirmed every deletion (docs/snaptrade.md §2.3). Repeating it changes nothing.
 * @param keepSnapTradeUser whether SnapTrade's present user stays there with its connections; by default only
 * if it was adopted, because the company uses it too (docs/decisions/0018-people.md)
 * @throws AppError shadow-mode if SnapTrade would have to delete its user
 */
export async function requestForgetting(
  userId: string,
  now: Date,
  { keepSnapTradeUser }: { keepSnapTradeUser?: boolean } = {},
): Promise<void> {
  await transaction(async (tx) => {
    const present = await lockPresent(tx, userId);
    if (present && (keepSnapTradeUser ?? present.adoptedAt !== null)) await retire(tx, present, now, "kept");
    else if (present) refuseInShadow();
    await tx.delete(sessions).where(eq(sessions.userId, userId));
    // Their sign-in links stay: they sign nobody in anymore, and lead to the page that says why.
    await tx
      .update(users)
      .set({
        deletionRequestedAt: sql`coalesce(${users.deletionRequestedAt}, ${now.toISOString()}::timestamptz)`,
        deletionRunAt: now,
      })
      .where(eq(users.id, userId));
  });
  await forget(userId, now);
}

/** Whether deleting this person leaves their SnapTrade user with the company, unless asked otherwise. */
export async function keepsSnapTradeUser(userId: string): Promise<boolean> {
  const db = await database();
  const adopted = and(eq(snapTradeUsers.userId, userId), isNotNull(snapTradeUsers.adoptedAt));
  return (await db.$count(snapTradeUsers, adopted)) > 0;
}

/**
 * Finishes deleting everyone whose SnapTrade users are all confirmed deleted. Each deletion fails
 * independently and is retried at growing intervals.
 * @returns how many people were deleted
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
  await forEachConcurrently(due, pace, async ({ id, attempts }) => {
    try {
      if (await forget(id, now)) forgotten++;
    } catch (error) {
      log.error(describeError(error), "An account could not be deleted; it will be retried");
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

/**
 * Deletes everything about a person once SnapTrade holds nothing more about them; until then, asks SnapTrade
 * again whenever that is due.
 */
async function forget(userId: string, now: Date): Promise<boolean> {
  await transaction(async (tx) => {
    // The deletion request is already committed, so the person can't be registered again in the meantime.
    const present = await lockPresent(tx, userId);
    if (present) await retire(tx, present, now);
  });
  await deleteFormersOf(userId, now);
  return transaction((tx) => erase(tx, userId));
}

async function lockPresent(tx: Transaction, userId: string) {
  const [present] = await tx
    .select()
    .from(snapTradeUsers)
    .where(eq(snapTradeUsers.userId, userId))
    .for("update");
  return present;
}

/** @returns false while SnapTrade may still hold data about them */
async function erase(tx: Transaction, userId: string): Promise<boolean> {
  const connectionIds = await lockAllOf(tx, userId);
  const ofUser = eq(formerSnapTradeUsers.userId, userId);
  const formers = await tx
    .select()
    .from(formerSnapTradeUsers)
    .where(ofUser)
    .orderBy(formerSnapTradeUsers.snapTradeUserId)
    .for("update");
  const [present] = await tx
    .select({ userId: snapTradeUsers.userId })
    .from(snapTradeUsers)
    .where(eq(snapTradeUsers.userId, userId));
  if (present || formers.some(({ deletedAt }) => deletedAt === null)) return false;

  await tx.delete(connections).where(eq(connections.userId, userId));
  await tx.select({ id: users.id }).from(users).where(eq(users.id, userId)).for("update");
  await eraseEvents(tx, userId);
  const [user] = await tx.delete(users).where(eq(users.id, userId)).returning({ email: users.email });
  await deleteSignInLinks(tx, user?.email);
  const names = formers.map(({ snapTradeUserId }) => snapTradeUserId);
  await tx
    .update(snapTradeCalls)
    .set({ person: null })
    .where(inArray(snapTradeCalls.person, [userId, ...names]));
  await emptyEvents(tx, names, connectionIds);
  return true;
}

async function deleteSignInLinks(tx: Transaction, email: string | null | undefined): Promise<void> {
  if (email) await tx.delete(verificationTokens).where(eq(verificationTokens.identifier, email));
}

/**
 * Locks these rows first; the cascade would lock them after the person's own row, against the lock order
 * (docs/decisions/0010).
 */
async function lockAllOf(tx: Transaction, userId: string): Promise<string[]> {
  const ids: string[] = [];
  for (const table of [connections, fixSessions, portalSessions, notices]) {
    const rows = await tx
      .select({ id: table.id })
      .from(table)
      .where(eq(table.userId, userId))
      .orderBy(table.id)
      .for("update");
    if (table === connections) ids.push(...rows.map(({ id }) => id));
  }
  await tx
    .select({ userId: snapTradeUsers.userId })
    .from(snapTradeUsers)
    .where(eq(snapTradeUsers.userId, userId))
    .for("update");
  return ids;
}

/** Keeps each event, so that it can still be counted, and erases its contents. */
async function emptyEvents(tx: Transaction, names: string[], connectionIds: string[]): Promise<void> {
  for (const table of [inboxEvents, webhookEvents]) {
    const emptied = table === inboxEvents ? { ...emptiedEvent, lastError: null } : emptiedEvent;
    if (names.length > 0) await tx.update(table).set(emptied).where(inArray(table.snapTradeUserId, names));
    if (connectionIds.length > 0)
      await tx
        .update(table)
        .set(emptied)
        .where(and(isNull(table.snapTradeUserId), inArray(table.connectionId, connectionIds)));
  }
  if (names.length === 0) return;
  // For an event that could not be stored as sent, only the payload shows whose it is.
  const named = names.map((name) => sql`position(${name} in ${inboxEvents.payload}) > 0`);
  await tx
    .update(inboxEvents)
    .set({ ...emptiedEvent, lastError: null })
    .where(and(eq(inboxEvents.state, "dead"), isNull(inboxEvents.snapTradeUserId), or(...named)));
}
