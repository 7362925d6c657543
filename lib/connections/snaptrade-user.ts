import "server-only";
import { randomUUID } from "node:crypto";
import { eq, isNotNull, sql } from "drizzle-orm";
import { database } from "@/lib/db/client";
import type { Transaction } from "@/lib/db/database";
import { snapTradeUsers } from "@/lib/db/schema";
import { AppError } from "@/lib/errors";
import { noteChange } from "@/lib/live";
import { describeError, log } from "@/lib/log";
import type { SnapTradeCredentials } from "@/lib/snaptrade/client";
import { openSecret, sealSecret } from "@/lib/snaptrade/user-secret";
import { deleteSnapTradeUser, registerSnapTradeUser } from "@/lib/snaptrade/users";

const boundTo = (userId: string, snapTradeUserId: string) => `${userId}/${snapTradeUserId}`;

/**
 * The SnapTrade credentials of a person, or null when they are not registered there, or no longer.
 * @throws Error when the sealed secret does not open under ENCRYPTION_KEYS
 */
export async function getSnapTradeCredentials(userId: string): Promise<SnapTradeCredentials | null> {
  const db = await database();
  const [row] = await db.select().from(snapTradeUsers).where(eq(snapTradeUsers.userId, userId));
  if (!row || row.goneAt) return null;
  return { snapTradeUserId: row.snapTradeUserId, userSecret: openSecret(row.sealedSecret, boundTo(userId, row.snapTradeUserId)) };
}

/**
 * The SnapTrade credentials of a person, registered now if they are not (FACTS 2).
 * The id is random and new for each attempt, so an attempt that failed leaves nothing that a later one could stumble over.
 * @throws SnapTradeFailure when SnapTrade does not register the user
 */
export async function requireSnapTradeCredentials(userId: string, now: Date): Promise<SnapTradeCredentials> {
  const existing = await getSnapTradeCredentials(userId);
  if (existing) return existing;
  const made = await registerSnapTradeUser(randomUUID(), userId);
  const db = await database();
  const registered = {
    snapTradeUserId: made.snapTradeUserId,
    sealedSecret: sealSecret(made.userSecret, boundTo(userId, made.snapTradeUserId)),
    registeredAt: now,
  };
  const anew = { lookedAt: null, lookFailedAt: null, lookDueAt: null, accountsLookedAt: null, goneAt: null, goneWhy: null };
  const stored = await db
    .insert(snapTradeUsers)
    .values({ userId, ...registered })
    .onConflictDoUpdate({ target: snapTradeUsers.userId, set: { ...registered, ...anew }, setWhere: isNotNull(snapTradeUsers.goneAt) })
    .returning({ userId: snapTradeUsers.userId });
  if (stored.length > 0) return made;

  // Another request registered this person meanwhile; theirs is the one that stays.
  await deleteSnapTradeUser(made.snapTradeUserId).catch((error: unknown) =>
    log.warn(describeError(error), "A surplus SnapTrade user was left behind"),
  );
  return requireSnapTradeCredentials(userId, now);
}

/** Makes a look at this person's connections due, from `dueAt` on; one that is due earlier stays so. */
export async function requestLook(tx: Transaction, userId: string, dueAt: Date, { accountsToo = false } = {}): Promise<void> {
  await tx
    .update(snapTradeUsers)
    .set({
      lookDueAt: sql`least(${snapTradeUsers.lookDueAt}, ${dueAt.toISOString()}::timestamptz)`,
      ...(accountsToo ? { accountsLookedAt: null } : {}),
    })
    .where(eq(snapTradeUsers.userId, userId));
}

/** Remembers that SnapTrade does not know this user any more: nothing is asked in their name from now on, and their pages say so. */
export async function noteUserGone(
  tx: Pick<Transaction, "update">,
  userId: string,
  gone: { goneAt: Date; goneWhy: "deleted" | "refused" },
): Promise<void> {
  await tx.update(snapTradeUsers).set(gone).where(eq(snapTradeUsers.userId, userId));
  await noteChange(tx, userId);
}

const checksPerMinute = 6;

/**
 * Counts a look that a person asked for.
 * @throws AppError checked-often when there were too many within a minute
 */
export async function countCheck(userId: string, now: Date): Promise<void> {
  const db = await database();
  const fresh = sql`coalesce(${snapTradeUsers.checksSince} < ${new Date(now.getTime() - 60_000).toISOString()}::timestamptz, true)`;
  const [row] = await db
    .update(snapTradeUsers)
    .set({
      checks: sql`case when ${fresh} then 1 else ${snapTradeUsers.checks} + 1 end`,
      checksSince: sql`case when ${fresh} then ${now.toISOString()}::timestamptz else ${snapTradeUsers.checksSince} end`,
    })
    .where(eq(snapTradeUsers.userId, userId))
    .returning({ checks: snapTradeUsers.checks });
  if (row && row.checks > checksPerMinute) throw new AppError("checked-often");
}
