import "server-only";
import { and, eq, isNull, lte, or, sql, type SQL } from "drizzle-orm";
import { growingGapMs } from "@/lib/base/backoff";
import { accepted } from "@/lib/connections/observations/gone";
import { describeError, log } from "@/lib/base/log";
import { refuseInShadow } from "@/lib/base/mode";
import {
  boundTo,
  getSnapTradeCredentials,
  requireStaying,
} from "@/lib/connections/observations/snaptrade-user";
import { database, transaction } from "@/lib/db/client";
import { snapTradeUsers } from "@/lib/db/schema/users";
import { announceChanges, recordChange } from "@/lib/live";
import type { SnapTradeCredentials } from "@/lib/snaptrade/client";
import { listConnections } from "@/lib/snaptrade/connections";
import { SnapTradeFailure, type FailureKind } from "@/lib/snaptrade/failure";
import { isSealedWithFirstKey, openSecret, sealSecret } from "@/lib/snaptrade/user-secret";
import { resetSnapTradeUserSecret } from "@/lib/snaptrade/users";
import { forgetKeptSecret, keepSecret, readKeptSecret, requireKeeping, type KeptSecret } from "./kept-secret";

type SnapTradeUser = typeof snapTradeUsers.$inferSelect;

export type Reset =
  /** The new secret is stored. */
  | "reset"
  /** The new secret that an interrupted run had kept is now stored. */
  | "finished"
  /** SnapTrade made a new secret, but its answer never arrived, so the person has to connect again. */
  | "lost"
  /** SnapTrade refuses the current secret, for reasons of its own, so it can't be replaced. */
  | "refused"
  /** A kept secret opens under no key, or was sealed for another SnapTrade user; nothing was done. */
  | "unreadable"
  | "not-registered"
  /** The company holds this secret too, and would lose access; nothing was done. */
  | "adopted"
  /** Another run began less than two minutes ago. */
  | "running";

/** Longer than calling SnapTrade and storing its answer can take. */
const leaseMs = 2 * 60_000;
const storeWithinMs = 90_000;
const storeAgainMs = 500;
/** After these failures, SnapTrade has reset nothing; after any other, it may have. */
const nothingReset: FailureKind[] = ["busy", "key-refused", "user-refused", "not-found", "refused"];

/**
 * Replaces one person's SnapTrade secret (docs/snaptrade.md §2.6), only on request. The request is recorded
 * before it is sent. The new secret is sealed and written to disk as soon as it arrives, and then stored in
 * the database. After an interruption, running it again finishes the job or reports that the secret is lost.
 * A kept secret stays on disk until the database has it or SnapTrade has accepted another.
 * @param evenIfAdopted also for a SnapTrade user that the company registered and uses with the same secret
 * @param folder where a new secret is kept until the database has it; must be the same in every run
 * @throws SnapTradeFailure, AppError shadow-mode or account-deleting, or the database's error; then run it again later
 */
export async function resetUserSecret(
  userId: string,
  folder: string,
  now = new Date(),
  { evenIfAdopted = false } = {},
): Promise<Reset> {
  refuseInShadow();
  const db = await database();
  await requireStaying(db, userId);
  const [row] = await db.select().from(snapTradeUsers).where(eq(snapTradeUsers.userId, userId));
  const credentials = row ? await getSnapTradeCredentials(userId) : null;
  if (!row || !credentials) return "not-registered";
  if (row.adoptedAt && !evenIfAdopted) return "adopted";
  const kept = await readKeptSecret(folder, userId);
  const userSecret = kept && open(kept, row);
  if (kept && userSecret === null) return "unreadable";

  const sentAt = row.secretResetSentAt?.getTime();
  const isRunning = sentAt !== undefined && now.getTime() - sentAt < leaseMs;
  if (isRunning && kept?.sentAt.getTime() !== sentAt) return "running";
  // The claim may be gone, after a failover or a restore, so only SnapTrade can say whether this one counts.
  if (kept && userSecret && userSecret !== credentials.userSecret)
    if (await isAccepted({ ...credentials, userSecret })) return finish(row, kept, userSecret, folder);
  if (isRunning) return "running";
  if (!(await isAccepted(credentials))) return row.secretResetSentAt ? giveUp(row, now) : "refused";

  await requireKeeping(folder, userId);
  if (!(await claim(row, now))) return "running";
  const made = { sentAt: now, sealed: await requestNew(row, credentials, now) };
  await keepSecret(folder, userId, made);
  if (!(await storePatiently(row, made.sealed, eq(snapTradeUsers.secretResetSentAt, now)))) return "running";
  await forgetKeptSecret(folder, userId);
  return "reset";
}

function open({ sealed }: KeptSecret, { userId, snapTradeUserId }: SnapTradeUser): string | null {
  try {
    return openSecret(sealed, boundTo(userId, snapTradeUserId));
  } catch {
    return null;
  }
}

/** Stores what an interrupted run kept, unless another run was faster. */
async function finish(row: SnapTradeUser, kept: KeptSecret, userSecret: string, folder: string) {
  const { userId, snapTradeUserId } = row;
  const isFirst = isSealedWithFirstKey(kept.sealed);
  const sealed = isFirst ? kept.sealed : sealSecret(userSecret, boundTo(userId, snapTradeUserId));
  const isUnchanged = and(
    eq(snapTradeUsers.sealedSecret, row.sealedSecret),
    row.secretResetSentAt
      ? eq(snapTradeUsers.secretResetSentAt, row.secretResetSentAt)
      : isNull(snapTradeUsers.secretResetSentAt),
  );
  if (!(await storePatiently(row, sealed, isUnchanged))) return "running";
  await forgetKeptSecret(folder, userId);
  return "finished";
}

async function isAccepted(credentials: SnapTradeCredentials): Promise<boolean> {
  try {
    await listConnections(credentials);
    return true;
  } catch (error) {
    if (error instanceof SnapTradeFailure && error.kind === "user-refused") return false;
    throw error;
  }
}

/** Of two runs at once, only one continues. */
async function claim({ snapTradeUserId }: SnapTradeUser, now: Date): Promise<boolean> {
  const db = await database();
  const { secretResetSentAt } = snapTradeUsers;
  const isFree = or(isNull(secretResetSentAt), lte(secretResetSentAt, new Date(now.getTime() - leaseMs)));
  const claimed = await db
    .update(snapTradeUsers)
    .set({ secretResetSentAt: now })
    .where(and(eq(snapTradeUsers.snapTradeUserId, snapTradeUserId), isFree))
    .returning({ userId: snapTradeUsers.userId });
  return claimed.length > 0;
}

/** @returns the new secret, sealed */
async function requestNew(
  { userId, snapTradeUserId }: SnapTradeUser,
  credentials: SnapTradeCredentials,
  sentAt: Date,
): Promise<string> {
  try {
    const secret = await resetSnapTradeUserSecret(credentials);
    return sealSecret(secret, boundTo(userId, snapTradeUserId));
  } catch (error) {
    if (error instanceof SnapTradeFailure && nothingReset.includes(error.kind))
      await (
        await database()
      )
        .update(snapTradeUsers)
        .set({ secretResetSentAt: null })
        .where(
          and(
            eq(snapTradeUsers.snapTradeUserId, snapTradeUserId),
            eq(snapTradeUsers.secretResetSentAt, sentAt),
          ),
        );
    throw error;
  }
}

/** @returns false if another run has come between; the secret is not stored then */
async function storePatiently(
  row: SnapTradeUser,
  sealed: string,
  isUnchanged: SQL | undefined,
): Promise<boolean> {
  for (const startedAt = Date.now(); ;) {
    try {
      return await store(row, sealed, isUnchanged);
    } catch (error) {
      if (Date.now() - startedAt > storeWithinMs) throw error;
      log.warn(describeError(error), "A new secret is on disk but could not be stored yet");
      await new Promise((resolve) => setTimeout(resolve, storeAgainMs));
    }
  }
}

/** Replaces the old secret, whatever key sealed it. */
async function store(
  { userId, snapTradeUserId }: SnapTradeUser,
  sealed: string,
  isUnchanged: SQL | undefined,
): Promise<boolean> {
  // A commit whose answer was lost has stored it already.
  const isStored = eq(snapTradeUsers.sealedSecret, sealed);
  const stored = await transaction(async (tx) => {
    const changed = await tx
      .update(snapTradeUsers)
      .set({ ...accepted, sealedSecret: sealed, secretResetSentAt: null })
      .where(and(eq(snapTradeUsers.snapTradeUserId, snapTradeUserId), or(isUnchanged, isStored)))
      .returning({ userId: snapTradeUsers.userId });
    if (changed.length > 0) await recordChange(tx, userId);
    return changed.length > 0;
  });
  await announceChanges();
  return stored;
}

const refusalsOfDead = 3;

/**
 * Asks the person to connect again, which is all that is left, as if SnapTrade had refused the secret three
 * times. We still try the secret again at intervals, and one that is found on disk later is still stored.
 */
async function giveUp({ userId, snapTradeUserId }: SnapTradeUser, now: Date): Promise<"lost"> {
  await transaction(async (tx) => {
    await tx
      .update(snapTradeUsers)
      .set({
        refusals: sql`greatest(${snapTradeUsers.refusals}, ${refusalsOfDead})`,
        askAgainAt: new Date(now.getTime() + growingGapMs(refusalsOfDead)),
        goneAt: now,
        goneReason: "refused",
      })
      .where(and(eq(snapTradeUsers.snapTradeUserId, snapTradeUserId), isNull(snapTradeUsers.goneAt)));
    await recordChange(tx, userId);
  });
  await announceChanges();
  return "lost";
}
