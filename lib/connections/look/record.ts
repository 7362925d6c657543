import "server-only";
import { and, eq, inArray } from "drizzle-orm";
import { transaction } from "@/lib/db/client";
import type { Transaction } from "@/lib/db/database";
import { connections } from "@/lib/db/schema/connections";
import { snapTradeUsers } from "@/lib/db/schema/users";
import { announceChanges, recordChange } from "@/lib/live";
import { recordExpiring } from "@/lib/connections/observations/expiring";
import { recentLifetimes } from "@/lib/connections/observations/lifetimes";
import {
  observeWithin,
  type ConnectionDetails,
  type ConnectionObservation,
  type Observed,
} from "@/lib/connections/observations/observe";
import type { Source } from "@/lib/connections/observations/project";
import { accepted } from "@/lib/connections/observations/gone";
import type { SeenConnection } from "@/lib/snaptrade/connections";
import type { Answer } from "./read";

/** On whose behalf we look. */
export type LookFor = Exclude<Source, "webhook">;

/**
 * Records an answer in one transaction: the connections, the time of the look, and the new version of the
 * pages. Announces once, after the commit. Accounts follow separately, because the states must not wait for
 * another request (docs/decisions/0014-rooms-and-words.md).
 */
export async function recordAnswer(
  userId: string,
  answer: Answer,
  now: Date,
  source: LookFor,
): Promise<Observed> {
  const lifetimes = await recentLifetimes();
  const observed = await transaction(async (tx) => {
    const observed = await recordAnswerWithin(tx, userId, answer, now, source);
    await recordExpiring(tx, userId, lifetimes, now);
    return observed;
  });
  await announceChanges();
  return observed;
}

/** Like recordAnswer, as part of a transaction whose caller announces the changes after the commit. */
export async function recordAnswerWithin(
  tx: Transaction,
  userId: string,
  answer: Answer,
  now: Date,
  source: LookFor,
): Promise<Observed> {
  const { seen, unreadable, gone, askedAt, answeredAt } = answer;
  const said = { observedAt: askedAt, answeredAt, source, recordedAt: now };
  const listed = seen.map((connection): ConnectionObservation => ({
    ...said,
    connectionId: connection.id,
    state: connection.disabled ? "disabled" : "enabled",
    disabledAt: connection.disabledAt,
    details: detailsOf(connection),
  }));
  const observed = await observeWithin(tx, userId, [
    ...listed,
    ...gone.map((connectionId): ConnectionObservation => ({
      ...said,
      connectionId,
      state: "deleted",
      disabledAt: null,
    })),
  ]);
  const hidden = await recordUnreadable(tx, userId, { seen, unreadable }, now);
  await recordLook(tx, userId, now, { lookAgainAt: observed.lookAgainAt, unreadable: hidden });
  return observed;
}

/** Undefined when the brokerage is unreadable; the connection still has a state. */
function detailsOf({
  brokerage,
  access,
  connectedSince,
  updatedAt,
}: SeenConnection): ConnectionDetails | undefined {
  return brokerage ? { brokerage, access, connectedSince, updatedAt } : undefined;
}

/**
 * Marks connections listed in a form we can't read: they keep their state and are shown as unknown.
 * @returns how many of them we can't show at all
 */
async function recordUnreadable(
  tx: Transaction,
  userId: string,
  { seen, unreadable }: Pick<Answer, "seen" | "unreadable">,
  now: Date,
): Promise<number> {
  const hidden = [...unreadable, ...seen.filter(({ brokerage }) => !brokerage)];
  if (hidden.length === 0) return 0;
  const ids = unreadable.flatMap(({ id }) => id ?? []);
  const own = await tx
    .select({ id: connections.id, unreadableSince: connections.unreadableSince })
    .from(connections)
    .where(
      and(
        eq(connections.userId, userId),
        inArray(connections.id, [...ids, ...hidden.flatMap(({ id }) => id ?? [])]),
      ),
    );
  const turned = own
    .filter(({ id, unreadableSince }) => ids.includes(id) && !unreadableSince)
    .map(({ id }) => id);
  if (turned.length > 0)
    await tx.update(connections).set({ unreadableSince: now }).where(inArray(connections.id, turned));
  if (turned.length > 0) await recordChange(tx, userId);
  return hidden.filter(({ id }) => !own.some((one) => one.id === id)).length;
}

interface Answered {
  lookAgainAt: Date | null;
  unreadable: number;
}

/**
 * Records a successful look.
 * @returns whether it was the first or followed a failure, so that open pages must hear of it
 */
async function recordLook(
  tx: Transaction,
  userId: string,
  now: Date,
  { lookAgainAt, unreadable }: Answered,
): Promise<void> {
  const own = eq(snapTradeUsers.userId, userId);
  const [before] = await tx
    .select({
      lookedAt: snapTradeUsers.lookedAt,
      lookFailedAt: snapTradeUsers.lookFailedAt,
      lookDueAt: snapTradeUsers.lookDueAt,
    })
    .from(snapTradeUsers)
    .where(own)
    .for("update");
  if (!before) return;
  const stillDue = before.lookDueAt && before.lookDueAt > now ? before.lookDueAt : null;
  await tx
    .update(snapTradeUsers)
    .set({
      lookedAt: isOvertaken(before.lookedAt, now) ? before.lookedAt : now,
      lookFailedAt: null,
      lookDueAt: earlier(lookAgainAt, stillDue),
      unreadableConnections: unreadable,
      ...accepted,
    })
    .where(own);
  if (before.lookFailedAt !== null || before.lookedAt === null) await recordChange(tx, userId);
}

/**
 * No look takes longer, retries and accounts included. A time further ahead comes from a clock that was set
 * back.
 */
const maxLookMs = 2 * 60_000;

/** Whether another process began a look after `now` that has already been answered. */
function isOvertaken(lookedAt: Date | null, now: Date): boolean {
  return lookedAt !== null && lookedAt > now && lookedAt.getTime() - now.getTime() < maxLookMs;
}

const earlier = (one: Date | null, other: Date | null) =>
  one && other ? (one < other ? one : other) : (one ?? other);

/** Records a failed look, unless a newer one succeeded. Only the first failure is announced to open pages. */
export async function recordFailedLook(userId: string, now: Date): Promise<void> {
  const own = eq(snapTradeUsers.userId, userId);
  await transaction(async (tx) => {
    const { lookedAt, lookFailedAt } = snapTradeUsers;
    const [before] = await tx
      .select({ lookedAt, lookFailedAt })
      .from(snapTradeUsers)
      .where(own)
      .for("update");
    if (!before || isOvertaken(before.lookedAt, now)) return;
    await tx.update(snapTradeUsers).set({ lookFailedAt: now }).where(own);
    if (before.lookFailedAt === null) await recordChange(tx, userId);
  });
  await announceChanges();
}
