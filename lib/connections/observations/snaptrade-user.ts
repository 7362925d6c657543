import "server-only";
import { randomUUID } from "node:crypto";
import { and, eq, ne, sql } from "drizzle-orm";
import { database, transaction } from "@/lib/db/client";
import type { Transaction } from "@/lib/db/database";
import { recordset, uuids } from "@/lib/db/recordset";
import { formerSnapTradeUsers } from "@/lib/db/schema/former-users";
import { connections } from "@/lib/db/schema/connections";
import { snapTradeUsers, users } from "@/lib/db/schema/users";
import { AppError } from "@/lib/base/errors";
import { refuseInShadow } from "@/lib/base/mode";
import { takeOrThrow } from "@/lib/limits";
import { announceChanges, recordChange } from "@/lib/live";
import type { SnapTradeCredentials } from "@/lib/snaptrade/client";
import { listConnections } from "@/lib/snaptrade/connections";
import { SnapTradeFailure, type FailureKind } from "@/lib/snaptrade/failure";
import { openSecret, sealSecret } from "@/lib/snaptrade/user-secret";
import { registerSnapTradeUser } from "@/lib/snaptrade/users";
import { accepted, recordRefusal } from "./gone";
import { hasWorking } from "./watched";

type SnapTradeUser = typeof snapTradeUsers.$inferSelect;

/** The row that a sealed secret is bound to (sealSecret). */
export const boundTo = (userId: string, snapTradeUserId: string) => `${userId}/${snapTradeUserId}`;
const credentialsOf = ({ userId, snapTradeUserId, sealedSecret }: SnapTradeUser): SnapTradeCredentials => ({
  snapTradeUserId,
  userSecret: openSecret(sealedSecret, boundTo(userId, snapTradeUserId)),
});

/**
 * A person's SnapTrade credentials, or null when they aren't registered or SnapTrade has deleted them. A
 * refused secret is still returned, because the refusal may be temporary (docs/snaptrade.md §8.18).
 * @throws Error when the sealed secret does not open under ENCRYPTION_KEYS
 */
export async function getSnapTradeCredentials(userId: string): Promise<SnapTradeCredentials | null> {
  const db = await database();
  const [row] = await db.select().from(snapTradeUsers).where(eq(snapTradeUsers.userId, userId));
  return row && row.goneReason !== "deleted" ? credentialsOf(row) : null;
}

/**
 * Requires that this person's account is not being deleted. In a transaction, it also blocks a deletion until
 * the commit.
 * @throws AppError account-deleting
 */
export async function requireStaying(tx: Pick<Transaction, "select">, userId: string): Promise<void> {
  const [user] = await tx
    .select({ leavingSince: users.deletionRequestedAt })
    .from(users)
    .where(eq(users.id, userId))
    .for("no key update");
  if (!user || user.leavingSince) throw new AppError("account-deleting");
}

/**
 * A person's SnapTrade credentials, registering them if needed (docs/snaptrade.md §2.1). When SnapTrade has
 * refused the current secret for minutes, it is asked once more before the person is registered again. A
 * person whose SnapTrade user was adopted is never registered again, because the company's own product would
 * not know the new user (docs/decisions/0018-people.md).
 * @throws AppError account-deleting, access-lost for an adopted person whom SnapTrade has refused or deleted, or
 * shadow-mode for someone who would have to be registered
 * @throws SnapTradeFailure when SnapTrade can't be reached or refuses to register them
 */
export async function requireSnapTradeCredentials(userId: string, now: Date): Promise<SnapTradeCredentials> {
  const db = await database();
  await requireStaying(db, userId);
  const [present] = await db.select().from(snapTradeUsers).where(eq(snapTradeUsers.userId, userId));
  if (present && !present.goneAt) return credentialsOf(present);
  if (present?.goneReason === "refused" && (await isAcceptedAgain(present, now)))
    return credentialsOf(present);
  if (present?.adoptedAt) throw new AppError("access-lost");
  return register(userId, now);
}

async function isAcceptedAgain(present: SnapTradeUser, now: Date): Promise<boolean> {
  try {
    await listConnections(credentialsOf(present));
  } catch (error) {
    if (!(error instanceof SnapTradeFailure) || error.kind !== "user-refused") throw error;
    await recordRefusal(present.userId, now);
    return false;
  }
  const db = await database();
  await db.update(snapTradeUsers).set(accepted).where(eq(snapTradeUsers.userId, present.userId));
  await recordChange(db, present.userId);
  await announceChanges();
  return true;
}

/** No registration takes longer than this. One still unanswered by then is deleted at SnapTrade. */
const registerWithinMs = 5 * 60_000;
/**
 * After these failures nothing was registered. After any other, the user may exist with its secret lost
 * (docs/snaptrade.md §2.2).
 */
const nothingMade: FailureKind[] = ["busy", "key-refused", "refused"];

/**
 * Each attempt uses a new random id (docs/snaptrade.md §2.2), stored before the call, so that a lost answer
 * leaves no unknown user behind at SnapTrade.
 */
async function register(userId: string, now: Date): Promise<SnapTradeCredentials> {
  refuseInShadow();
  const snapTradeUserId = randomUUID();
  const db = await database();
  const runAt = new Date(now.getTime() + registerWithinMs);
  await db
    .insert(formerSnapTradeUsers)
    .values({ snapTradeUserId, userId, why: "registering", since: now, runAt });
  const made = await registerSnapTradeUser(snapTradeUserId, userId).catch(async (error: unknown) => {
    if (error instanceof SnapTradeFailure && nothingMade.includes(error.kind))
      await db.delete(formerSnapTradeUsers).where(former(snapTradeUserId));
    throw error;
  });
  if (await transaction((tx) => adopt(tx, userId, made, now))) return made;

  // Another request registered this person first, and its user stays.
  await db
    .update(formerSnapTradeUsers)
    .set({ why: "surplus", runAt: now, deletedAt: null })
    .where(former(snapTradeUserId));
  return requireSnapTradeCredentials(userId, now);
}

const former = (snapTradeUserId: string) => eq(formerSnapTradeUsers.snapTradeUserId, snapTradeUserId);

/**
 * Makes a registered SnapTrade user the person's current one.
 * @returns false when another request was first, or this one is already being deleted
 */
async function adopt(
  tx: Transaction,
  userId: string,
  made: SnapTradeCredentials,
  now: Date,
): Promise<boolean> {
  const { snapTradeUserId, userSecret } = made;
  const [present] = await tx
    .select()
    .from(snapTradeUsers)
    .where(eq(snapTradeUsers.userId, userId))
    .for("update");
  if (present && (!present.goneAt || present.adoptedAt)) return false;
  const [waiting] = await tx
    .select({ attempts: formerSnapTradeUsers.attempts })
    .from(formerSnapTradeUsers)
    .where(former(snapTradeUserId))
    .for("update");
  if (waiting?.attempts !== 0) return false;
  if (present) await retire(tx, present, now);
  const sealedSecret = sealSecret(userSecret, boundTo(userId, snapTradeUserId));
  const stored = await tx
    .insert(snapTradeUsers)
    .values({ userId, snapTradeUserId, sealedSecret, registeredAt: now, watched: hasWorking(userId) })
    .onConflictDoNothing()
    .returning({ userId: snapTradeUsers.userId });
  if (stored.length === 0) return false;
  await tx.delete(formerSnapTradeUsers).where(former(snapTradeUserId));
  await requireStaying(tx, userId);
  await recordChange(tx, userId);
  return true;
}

/**
 * Queues a SnapTrade user for deletion, with its connections (docs/snaptrade.md §2.3); one that is kept there
 * counts as deleted at once.
 */
export async function retire(
  tx: Transaction,
  present: SnapTradeUser,
  now: Date,
  kept?: "kept",
): Promise<void> {
  const { userId, snapTradeUserId, goneReason, goneAt } = present;
  const own = await tx
    .select({ id: connections.id })
    .from(connections)
    .where(and(eq(connections.userId, userId), ne(connections.state, "deleted")));
  await tx.delete(snapTradeUsers).where(eq(snapTradeUsers.snapTradeUserId, snapTradeUserId));
  await tx.insert(formerSnapTradeUsers).values({
    snapTradeUserId,
    userId,
    why: kept ?? goneReason ?? "account-deleted",
    since: now,
    runAt: now,
    connectionIds: own.map(({ id }) => id),
    deletedAt: goneReason === "deleted" ? goneAt : kept ? now : null,
  });
}

interface LookRequest {
  userId: string;
  /** Our clock. */
  dueAt: Date;
  /** Also read the accounts. */
  accountsToo?: boolean;
}

/** Makes a look at each person's connections due at `dueAt`, unless one is already due earlier. */
export async function requestLooks(tx: Transaction, requests: LookRequest[]): Promise<void> {
  if (requests.length === 0) return;
  const rows = requests.map(({ accountsToo = false, ...request }) => ({ ...request, accountsToo }));
  const columns = { userId: "uuid", dueAt: "timestamptz", accountsToo: "boolean" };
  await tx.execute(sql`
    with request as (
      select "userId" as id, min("dueAt") as due_at, bool_or("accountsToo") as accounts_too
      from ${recordset("request", columns, rows)} group by "userId"
    ), held as (
      select user_id from ${snapTradeUsers} where user_id = any(${uuids(requests.map(({ userId }) => userId))}) order by user_id for no key update
    )
    update ${snapTradeUsers} set
      look_due_at = least(look_due_at, request.due_at),
      accounts_looked_at = case when request.accounts_too then null else accounts_looked_at end
    from request join held on held.user_id = request.id
    where ${snapTradeUsers}.user_id = any(${uuids(requests.map(({ userId }) => userId))}) and ${snapTradeUsers}.user_id = request.id`);
}

/**
 * Counts a look that a person requested.
 * @throws AppError checked-often after six at once; ten seconds later, one more is allowed
 */
export async function countCheck(userId: string, now: Date): Promise<void> {
  await takeOrThrow("look by person", userId, now, "checked-often");
}
