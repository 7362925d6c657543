import "server-only";
import { and, asc, eq, inArray, isNull, lt, lte, sql } from "drizzle-orm";
import { database, transaction } from "@/lib/db/client";
import type { Transaction } from "@/lib/db/database";
import { deleteOldest } from "@/lib/db/delete-oldest";
import { formerSnapTradeUsers } from "@/lib/db/schema/former-users";
import { connections } from "@/lib/db/schema/connections";
import { announceChanges } from "@/lib/live";
import { log } from "@/lib/base/log";
import { isShadow } from "@/lib/base/mode";
import { SnapTradeFailure } from "@/lib/snaptrade/failure";
import { deleteSnapTradeUser } from "@/lib/snaptrade/users";
import { forEachConcurrently } from "@/lib/base/for-each-concurrently";
import type { Source } from "@/lib/connections/observations/project";
import { growingGapMs } from "@/lib/base/backoff";
import { observeWithin } from "@/lib/connections/observations/observe";

export type FormerUser = typeof formerSnapTradeUsers.$inferSelect;

export interface FormerUserCounts {
  /** Deletions that SnapTrade confirmed in this round. */
  deleted: number;
  /**
   * Users with so many failed attempts that an operator should look at their lastError; still retried once a
   * day.
   */
  parked: number;
}

/**
 * How long a former user is kept after SnapTrade deletes it: longer than any event that names it
 * (lib/webhooks/retention.ts).
 */
const formerUserDays = 180;
const maxPerRound = 20;
const pace = { atOnce: 2, withinMs: 10_000 };
/** About a week of retries. */
const attemptsBeforeParked = 12;

/**
 * Asks SnapTrade to delete users that no longer belong to anyone and may still be billed (docs/snaptrade.md
 * §2.4). Each is retried independently, at growing intervals. In shadow mode, they wait.
 */
export async function deleteFormerSnapTradeUsers(now: Date): Promise<FormerUserCounts> {
  const db = await database();
  const left = isNull(formerSnapTradeUsers.deletedAt);
  const due = await db
    .select()
    .from(formerSnapTradeUsers)
    .where(and(left, lte(formerSnapTradeUsers.runAt, now)))
    .orderBy(asc(formerSnapTradeUsers.runAt))
    .limit(maxPerRound);
  let deleted = 0;
  await forEachConcurrently(isShadow() ? [] : due, pace, async (user) => {
    const result = await deleteFormer(user, now);
    if (result === "deleted") deleted++;
    return result === "busy" ? "stop" : undefined;
  });
  const [counted] = await db
    .select({ parked: sql<number>`count(*)::int` })
    .from(formerSnapTradeUsers)
    .where(and(left, sql`${formerSnapTradeUsers.attempts} >= ${attemptsBeforeParked}`));
  return { deleted, parked: counted?.parked ?? 0 };
}

/** Deletes our records of former users whom SnapTrade deleted long ago. */
export function deleteOldFormerUsers(now: Date): Promise<number> {
  const { deletedAt } = formerSnapTradeUsers;
  const before = new Date(now.getTime() - formerUserDays * 86_400_000);
  return deleteOldest(formerSnapTradeUsers, deletedAt, lt(deletedAt, before));
}

/** Asks SnapTrade right away to delete this person's former users that are due; in shadow mode, they wait. */
export async function deleteFormersOf(userId: string, now: Date): Promise<void> {
  if (isShadow()) return;
  const db = await database();
  const { deletedAt, runAt } = formerSnapTradeUsers;
  const due = await db
    .select()
    .from(formerSnapTradeUsers)
    .where(and(eq(formerSnapTradeUsers.userId, userId), isNull(deletedAt), lte(runAt, now)));
  await forEachConcurrently(due, pace, (user) => deleteFormer(user, now));
}

/** Makes one attempt. The attempt count acts as a fence, so two processes never make the same one. */
async function deleteFormer(user: FormerUser, now: Date): Promise<"deleted" | "waiting" | "busy"> {
  const { snapTradeUserId, attempts } = user;
  const db = await database();
  const [mine] = await db
    .update(formerSnapTradeUsers)
    .set({ attempts: attempts + 1, runAt: new Date(now.getTime() + growingGapMs(attempts)) })
    .where(
      and(
        nameIs(snapTradeUserId),
        eq(formerSnapTradeUsers.attempts, attempts),
        isNull(formerSnapTradeUsers.deletedAt),
      ),
    )
    .returning({ id: formerSnapTradeUsers.snapTradeUserId });
  if (!mine) return "waiting";
  try {
    await deleteSnapTradeUser(snapTradeUserId);
    await db
      .update(formerSnapTradeUsers)
      .set({ acceptedAt: now, lastError: null })
      .where(nameIs(snapTradeUserId));
    return "waiting";
  } catch (error) {
    if (!(error instanceof SnapTradeFailure)) throw error;
    if (isUnknownThere(user, error)) {
      await transaction((tx) => recordFormerDeleted(tx, user, { at: now, recordedAt: now, source: "timer" }));
      await announceChanges();
      return "deleted";
    }
    return keepTrying(user, error, now);
  }
}

async function keepTrying(
  { snapTradeUserId, attempts }: FormerUser,
  { kind, details }: SnapTradeFailure,
  now: Date,
): Promise<"waiting" | "busy"> {
  const db = await database();
  if (kind === "busy") {
    // No request was sent, so this doesn't count as an attempt.
    const runAt = new Date(now.getTime() + growingGapMs(0));
    await db.update(formerSnapTradeUsers).set({ attempts, runAt }).where(nameIs(snapTradeUserId));
    return "busy";
  }
  const lastError = [kind, details.status, details.code].filter((part) => part !== undefined).join(" ");
  await db.update(formerSnapTradeUsers).set({ lastError }).where(nameIs(snapTradeUserId));
  if (attempts + 1 >= attemptsBeforeParked)
    log.error({ attempts: attempts + 1, lastError }, "A SnapTrade user could not be deleted");
  return "waiting";
}

/**
 * A 404 is unambiguous. A 401 could also mean that our key was rejected, so it counts only after SnapTrade
 * has accepted the deletion (docs/snaptrade.md §8.17).
 */
function isUnknownThere({ acceptedAt }: FormerUser, { kind, details }: SnapTradeFailure): boolean {
  if (kind === "not-found") return true;
  return (
    acceptedAt !== null && (kind === "user-refused" || (details.status === 401 && details.code === "0000"))
  );
}

/**
 * Records that SnapTrade has deleted a former user of this person, along with its connections. The caller
 * must announce the changes after committing.
 */
export async function recordFormerDeleted(
  tx: Transaction,
  {
    userId,
    snapTradeUserId,
    connectionIds,
  }: Pick<FormerUser, "userId" | "snapTradeUserId" | "connectionIds">,
  { at, recordedAt, source }: { at: Date; recordedAt: Date; source: Source },
): Promise<void> {
  const own =
    connectionIds.length === 0
      ? []
      : await tx
          .select({ connectionId: connections.id })
          .from(connections)
          .where(and(eq(connections.userId, userId), inArray(connections.id, connectionIds)));
  const gone = {
    state: "deleted" as const,
    observedAt: at,
    answeredAt: null,
    disabledAt: null,
    source,
    recordedAt,
  };
  await observeWithin(
    tx,
    userId,
    own.map(({ connectionId }) => ({ ...gone, connectionId })),
  );
  await tx
    .update(formerSnapTradeUsers)
    .set({ deletedAt: at, lastError: null })
    .where(and(nameIs(snapTradeUserId), isNull(formerSnapTradeUsers.deletedAt)));
}

/** The SnapTrade users among these that are former ones, by id. */
export async function findFormers(
  tx: Pick<Transaction, "select">,
  snapTradeUserIds: string[],
): Promise<Map<string, FormerUser>> {
  if (snapTradeUserIds.length === 0) return new Map();
  const rows = await tx
    .select()
    .from(formerSnapTradeUsers)
    .where(inArray(formerSnapTradeUsers.snapTradeUserId, snapTradeUserIds));
  return new Map(rows.map((row) => [row.snapTradeUserId, row]));
}

const nameIs = (snapTradeUserId: string) => eq(formerSnapTradeUsers.snapTradeUserId, snapTradeUserId);
