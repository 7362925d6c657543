import "server-only";
import { and, eq, isNotNull, isNull, lte, ne, sql, type SQL } from "drizzle-orm";
import { database, transaction } from "@/lib/db/client";
import { connections } from "@/lib/db/schema/connections";
import { snapTradeUsers } from "@/lib/db/schema/users";
import { AppError } from "@/lib/base/errors";
import { isShadow, refuseInShadow } from "@/lib/base/mode";
import { announceChanges, recordChange } from "@/lib/live";
import { log } from "@/lib/base/log";
import { deleteConnection } from "@/lib/snaptrade/connections";
import { SnapTradeFailure, type FailureKind } from "@/lib/snaptrade/failure";
import { forEachConcurrently } from "@/lib/base/for-each-concurrently";
import { growingGapMs } from "@/lib/base/backoff";
import { look } from "./look";
import { recordRefusal } from "@/lib/connections/observations/gone";
import { toRefusal } from "./refusals";
import { getSnapTradeCredentials, requestLooks } from "@/lib/connections/observations/snaptrade-user";

const own = (userId: string, connectionId: string) =>
  and(eq(connections.userId, userId), eq(connections.id, connectionId), ne(connections.state, "deleted"));

/** A second click this soon counts as the same request. */
const sameClickMs = 10_000;
/** Nine attempts take about four days; after that, only the person can ask again. */
const maxAttempts = 9;
const maxPerRound = 20;
const pace = { atOnce: 2, withinMs: 10_000 };

const notAsked = {
  removalRequestedAt: null,
  removalAcceptedAt: null,
  removalAskedAt: null,
  removalAttempts: 0,
  removalRunAt: null,
  removalLastError: null,
};

/** After these failures SnapTrade may still have received the request. */
const uncertain: FailureKind[] = ["away", "unexpected-answer"];

/**
 * Asks SnapTrade to delete a connection, even if it was asked before (docs/snaptrade.md §3.12). It is "being
 * removed" until a look or event says it is gone, or the person cancels.
 * @returns "unknown" when the answer was lost, so SnapTrade may or may not have received the request
 * @throws AppError shadow-mode, not-found, or the code for SnapTrade's refusal; a refused first request changes nothing
 */
export async function requestRemoval(
  userId: string,
  connectionId: string,
  now: Date,
): Promise<"accepted" | "unknown"> {
  refuseInShadow();
  const db = await database();
  const [connection] = await db.select().from(connections).where(own(userId, connectionId));
  const credentials = await getSnapTradeCredentials(userId);
  if (!connection || !credentials) throw new AppError("not-found");
  const { removalAskedAt: askedAt, removalAcceptedAt: acceptedAt, removalAttempts: attempts } = connection;
  const before = acceptedAt ? "accepted" : "unknown";
  if (askedAt && now.getTime() - askedAt.getTime() < sameClickMs) return before;

  const mine = and(own(userId, connectionId), eq(connections.removalAttempts, attempts));
  const asking = {
    removalRequestedAt: connection.removalRequestedAt ?? now,
    removalAskedAt: now,
    removalAttempts: attempts + 1,
  };
  // Recorded before the call, so that a request with a lost answer is not forgotten.
  if (!(await write(userId, mine, { ...asking, removalRunAt: nextAskAt(attempts + 1, now) }))) return before;
  const answered = and(
    own(userId, connectionId),
    eq(connections.removalAttempts, attempts + 1),
    isNotNull(connections.removalRequestedAt),
  );
  try {
    await deleteConnection(credentials, connectionId);
  } catch (error) {
    return afterFailure(error, {
      userId,
      connectionId,
      answered,
      first: !connection.removalRequestedAt,
      now,
    });
  }
  await write(userId, answered, { removalAcceptedAt: now, removalLastError: null });
  return "accepted";
}

async function afterFailure(
  error: unknown,
  {
    userId,
    connectionId,
    answered,
    first,
    now,
  }: { userId: string; connectionId: string; answered: SQL | undefined; first: boolean; now: Date },
): Promise<"accepted" | "unknown"> {
  if (!(error instanceof SnapTradeFailure)) throw error;
  if (error.kind === "not-found") {
    // It is already gone, which the next look will confirm.
    await transaction((tx) => requestLooks(tx, [{ userId, dueAt: now }]));
    await write(userId, answered, { removalAcceptedAt: now, removalLastError: null });
    return "accepted";
  }
  const lastError = [error.kind, error.details.status, error.details.code]
    .filter((part) => part !== undefined)
    .join(" ");
  log.warn({ connectionId, lastError }, "A connection could not be removed");
  if (uncertain.includes(error.kind)) {
    await write(userId, answered, { removalLastError: lastError });
    return "unknown";
  }
  await write(userId, answered, first ? notAsked : { removalLastError: lastError });
  if (error.kind === "user-refused") await recordRefusal(userId, now);
  throw toRefusal(error);
}

/**
 * When to ask again: soon at first, since an accepted removal usually takes moments, and never after the last
 * attempt.
 */
const nextAskAt = (attempts: number, now: Date) =>
  attempts >= maxAttempts ? null : new Date(now.getTime() + growingGapMs(attempts));

async function write(
  userId: string,
  where: SQL | undefined,
  set: Partial<typeof connections.$inferInsert>,
): Promise<boolean> {
  const written = await transaction(async (tx) => {
    const rows = await tx.update(connections).set(set).where(where).returning({ id: connections.id });
    if (rows.length > 0) await recordChange(tx, userId);
    return rows.length > 0;
  });
  await announceChanges();
  return written;
}

/**
 * Cancels a removal. SnapTrade may still carry out the earlier request; the connection then shows as removed.
 * @throws AppError not-found when the connection is already gone
 */
export async function takeRemovalBack(userId: string, connectionId: string): Promise<void> {
  if (!(await write(userId, own(userId, connectionId), notAsked))) throw new AppError("not-found");
}

/**
 * Repeats removals that SnapTrade hasn't carried out (docs/snaptrade.md §8.14), at growing intervals and only
 * while it still lists the connection. In shadow mode, they wait.
 * @returns how many requests were repeated
 */
export async function repeatRemovals(now: Date): Promise<number> {
  if (isShadow()) return 0;
  const db = await database();
  const due = await db
    .select({ id: connections.id, userId: connections.userId })
    .from(connections)
    .innerJoin(snapTradeUsers, eq(snapTradeUsers.userId, connections.userId))
    // A refused secret has its own schedule (listRefused).
    .where(
      and(
        lte(connections.removalRunAt, now),
        ne(connections.state, "deleted"),
        isNull(snapTradeUsers.askAgainAt),
        isNull(snapTradeUsers.goneAt),
      ),
    )
    .orderBy(connections.removalRunAt)
    .limit(maxPerRound);
  let repeated = 0;
  await forEachConcurrently(due, pace, async ({ id, userId }) => {
    const looked = await look(userId, now, "timer").catch(async (error: unknown) => {
      // A person who can't be looked at must not stay first in line.
      await postpone(id, now);
      throw error;
    });
    if (!looked.looked) {
      await postpone(id, now);
      return looked.reason === "busy" ? "stop" : undefined;
    }
    const [still] = await db
      .select({ id: connections.id })
      .from(connections)
      .where(and(own(userId, id), isNotNull(connections.removalRequestedAt)));
    if (!still) return;
    await requestRemoval(userId, id, now).catch((error: unknown) => {
      if (!(error instanceof AppError)) throw error;
    });
    repeated++;
  });
  return repeated;
}

/** No request was sent, so this doesn't count as an attempt. */
async function postpone(connectionId: string, now: Date): Promise<void> {
  const db = await database();
  const gapMs = growingGapMs(1);
  const runAt = sql`case when ${connections.removalRunAt} is not null then ${new Date(now.getTime() + gapMs).toISOString()}::timestamptz end`;
  await db.update(connections).set({ removalRunAt: runAt }).where(eq(connections.id, connectionId));
}

/**
 * Keeps this disabled connection beside a newer one at the same brokerage, without pointing it out again.
 * @throws AppError not-found
 */
export async function keepBeside(userId: string, connectionId: string, now: Date): Promise<void> {
  const db = await database();
  const kept = await db
    .update(connections)
    .set({ keptBothSince: now })
    .where(own(userId, connectionId))
    .returning({ id: connections.id });
  if (kept.length === 0) throw new AppError("not-found");
}
