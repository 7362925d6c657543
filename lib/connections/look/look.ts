import "server-only";
import { and, eq, inArray, isNull, ne, sql } from "drizzle-orm";
import { database, transaction } from "@/lib/db/client";
import type { Transaction } from "@/lib/db/database";
import { connections } from "@/lib/db/schema/connections";
import { snapTradeUsers } from "@/lib/db/schema/users";
import { announceChanges, recordChange } from "@/lib/live";
import type { SnapTradeCredentials } from "@/lib/snaptrade/client";
import { isConnectionGone, listConnections, type SeenConnection } from "@/lib/snaptrade/connections";
import { SnapTradeFailure, type FailureKind } from "@/lib/snaptrade/failure";
import { readAccountsIfDue } from "./accounts";
import type { Source } from "@/lib/connections/observations/project";
import {
  observeWithin,
  type ConnectionDetails,
  type ConnectionObservation,
  type Observed,
} from "@/lib/connections/observations/observe";
import {
  accepted,
  getSnapTradeCredentials,
  recordRefusal,
} from "@/lib/connections/observations/snaptrade-user";
import { isLookDue } from "./due";

/** "nobody" is a person without a SnapTrade user, who therefore has no connections. */
export type LookResult =
  { looked: true; changed: string[] } | { looked: false; reason: "nobody" | FailureKind };

/** Who wants to know. */
export type LookFor = Exclude<Source, "webhook">;

/** A connection younger than this may be missing from a lagging list, so it is never concluded gone. */
const youngMs = 5 * 60_000;
/** Each missing connection costs a request; the rest wait for the next look. */
const maxAskedById = 5;
const inFlight = new Map<string, Promise<LookResult>>();

/**
 * Reads all connections of a person from SnapTrade and hands the answer to observe. A look that fails changes
 * no connection; it only makes what we know older. Looks of one person at the same time share one read.
 * @param now our clock, when the look begins
 */
export function look(userId: string, now = new Date(), source: LookFor = "person"): Promise<LookResult> {
  const running = inFlight.get(userId);
  if (running) return running;
  const started = lookOnce(userId, now, source).finally(() => inFlight.delete(userId));
  inFlight.set(userId, started);
  return started;
}

/**
 * Like look, but never satisfied by a read that began before `since`: for conclusions about what happened up
 * to then.
 */
export async function lookSince(
  userId: string,
  since: Date,
  source: LookFor = "person",
): Promise<LookResult> {
  await inFlight.get(userId)?.catch(() => undefined);
  return look(userId, since, source);
}

/**
 * Looks only when the last look is too old, failed a while ago, or something contradicted it since; open
 * pages, which may be waiting for just that, are then told to read again whatever came of it.
 */
export async function lookIfDue(userId: string, now = new Date(), source: LookFor = "person"): Promise<void> {
  const db = await database();
  const [known] = await db
    .select({
      lookedAt: snapTradeUsers.lookedAt,
      lookFailedAt: snapTradeUsers.lookFailedAt,
      lookDueAt: snapTradeUsers.lookDueAt,
      askAgainAt: snapTradeUsers.askAgainAt,
      anyDisabled: sql<boolean>`exists (select 1 from ${connections} where ${connections.userId} = ${snapTradeUsers.userId} and ${connections.state} = 'disabled')`,
    })
    .from(snapTradeUsers)
    .where(and(eq(snapTradeUsers.userId, userId), isNull(snapTradeUsers.goneAt)));
  if (!known || !(inFlight.has(userId) || isLookDue(known, now))) return;
  const result = await look(userId, now, source);
  // Having to wait for our turn is no news.
  if (!result.looked && result.reason === "busy") return;
  await recordChange(db, userId);
  await announceChanges();
}

async function lookOnce(userId: string, now: Date, source: LookFor): Promise<LookResult> {
  try {
    const credentials = await getSnapTradeCredentials(userId);
    if (!credentials) return { looked: false, reason: "nobody" };
    const { changed, lookAgainAt } = await readConnections(userId, credentials, now, source);
    // An answer overtaken by something else justifies one more question right away.
    if (lookAgainAt && lookAgainAt <= now)
      changed.push(...(await readConnections(userId, credentials, now, source)).changed);
    await readAccountsIfDue(userId, credentials, now, { changed: changed.length > 0, source });
    return { looked: true, changed: [...new Set(changed)] };
  } catch (error) {
    if (!(error instanceof SnapTradeFailure)) {
      // What cannot be asked or stored is not known either, and must not come first in each round.
      await recordFailedLook(userId, now).catch(() => undefined);
      throw error;
    }
    if (error.kind === "user-refused") await recordRefusal(userId, now);
    // Having to wait for our turn says nothing about what we know.
    else if (error.kind !== "busy") await recordFailedLook(userId, now);
    return { looked: false, reason: error.kind };
  }
}

async function readConnections(
  userId: string,
  credentials: SnapTradeCredentials,
  now: Date,
  source: LookFor,
): Promise<Observed> {
  const { data, askedAt, answeredAt } = await listConnections(credentials);
  const { items: seen, unreadable } = data;
  const gone = await confirmGone(userId, credentials, [...seen, ...unreadable], askedAt);
  const said = { observedAt: askedAt, answeredAt, source, recordedAt: now };
  const listed = seen.map((connection): ConnectionObservation => ({
    ...said,
    connectionId: connection.id,
    state: connection.disabled ? "disabled" : "enabled",
    disabledAt: connection.disabledAt,
    details: detailsOf(connection),
  }));
  const { observed, news } = await transaction(async (tx) => {
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
    const turned = await recordLook(tx, userId, now, {
      lookAgainAt: observed.lookAgainAt,
      unreadable: hidden.unknown,
    });
    return { observed, news: turned || hidden.changed || observed.changed.length > 0 };
  });
  if (news) await announceChanges();
  return observed;
}

/** A connection whose brokerage is unreadable still has a state. */
function detailsOf({
  brokerage,
  access,
  connectedSince,
  updatedAt,
}: SeenConnection): ConnectionDetails | undefined {
  return brokerage ? { brokerage, access, connectedSince, updatedAt } : undefined;
}

interface Listed {
  seen: SeenConnection[];
  unreadable: { id: string | null }[];
}

/**
 * Marks connections that are listed in a form we can't read: they keep their state and are shown as unknown.
 * @returns whether that changed anything, and how many of them we can't show at all
 */
async function recordUnreadable(
  tx: Transaction,
  userId: string,
  { seen, unreadable }: Listed,
  now: Date,
): Promise<{ changed: boolean; unknown: number }> {
  const hidden = [...unreadable, ...seen.filter(({ brokerage }) => !brokerage)];
  if (hidden.length === 0) return { changed: false, unknown: 0 };
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
  return {
    changed: turned.length > 0,
    unknown: hidden.filter(({ id }) => !own.some((one) => one.id === id)).length,
  };
}

/**
 * A connection missing from the list counts as gone only when SnapTrade also denies it by id, and never while
 * it is new: lists may lag (docs/snaptrade.md §8.2, §8.17). If that question fails, nothing is concluded
 * about this connection, and the others still count.
 */
async function confirmGone(
  userId: string,
  credentials: SnapTradeCredentials,
  listed: Listed["unreadable"],
  askedAt: Date,
): Promise<string[]> {
  const db = await database();
  const known = await db
    .select({
      id: connections.id,
      firstObservedAt: connections.firstObservedAt,
      connectedSince: connections.connectedSince,
      removalRequestedAt: connections.removalRequestedAt,
    })
    .from(connections)
    .where(and(eq(connections.userId, userId), ne(connections.state, "deleted")));
  const present = new Set(listed.map(({ id }) => id));
  const isSince = (at: Date | null) => at !== null && askedAt.getTime() - at.getTime() < youngMs;
  const missing = known.filter(
    ({ id, firstObservedAt, connectedSince, removalRequestedAt }) =>
      !present.has(id) &&
      (removalRequestedAt !== null || !(isSince(firstObservedAt) || isSince(connectedSince))),
  );
  const gone: string[] = [];
  for (const { id } of missing.slice(0, maxAskedById)) {
    const denied = await isConnectionGone(credentials, id).catch((error: unknown) => {
      if (error instanceof SnapTradeFailure) return false;
      throw error;
    });
    if (denied) gone.push(id);
  }
  return gone;
}

interface Answered {
  lookAgainAt: Date | null;
  unreadable: number;
}

/**
 * Records when SnapTrade was asked and that it answered; an answer after a failure is announced to open
 * pages.
 * @returns whether it was one
 */
async function recordLook(
  tx: Transaction,
  userId: string,
  now: Date,
  { lookAgainAt, unreadable }: Answered,
): Promise<boolean> {
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
  if (!before) return false;
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
  const turned = before.lookFailedAt !== null || before.lookedAt === null;
  if (turned) await recordChange(tx, userId);
  return turned;
}

/**
 * A look takes no longer, retries and accounts included; a time further ahead comes from a clock that was set
 * back.
 */
const maxLookMs = 2 * 60_000;

/** Another process began a look after `now`, and has had an answer. */
function isOvertaken(lookedAt: Date | null, now: Date): boolean {
  return lookedAt !== null && lookedAt > now && lookedAt.getTime() - now.getTime() < maxLookMs;
}

const earlier = (one: Date | null, other: Date | null) =>
  one && other ? (one < other ? one : other) : (one ?? other);

/** Records when SnapTrade was asked without success; the first failure is announced to open pages. */
async function recordFailedLook(userId: string, now: Date): Promise<void> {
  const own = eq(snapTradeUsers.userId, userId);
  const turned = await transaction(async (tx) => {
    const { lookedAt, lookFailedAt } = snapTradeUsers;
    const [before] = await tx
      .select({ lookedAt, lookFailedAt })
      .from(snapTradeUsers)
      .where(own)
      .for("update");
    if (!before || isOvertaken(before.lookedAt, now)) return false;
    await tx.update(snapTradeUsers).set({ lookFailedAt: now }).where(own);
    if (before.lookFailedAt !== null) return false;
    await recordChange(tx, userId);
    return true;
  });
  if (turned) await announceChanges();
}

/**
 * Looks only when a look was requested (requestLook) and is due; the age of the last look doesn't matter
 * here, and one that began before the request doesn't count.
 */
export async function lookIfRequested(
  userId: string,
  now = new Date(),
  source: LookFor = "person",
): Promise<void> {
  await inFlight.get(userId)?.catch(() => undefined);
  const db = await database();
  const [requested] = await db
    .select({ dueAt: snapTradeUsers.lookDueAt })
    .from(snapTradeUsers)
    .where(eq(snapTradeUsers.userId, userId));
  if (requested?.dueAt && requested.dueAt <= now) await lookIfDue(userId, now, source);
}
