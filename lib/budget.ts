import "server-only";
import { AsyncLocalStorage } from "node:async_hooks";
import { eq, gt, lt, sql } from "drizzle-orm";
import { database, transaction } from "./db/client";
import type { Transaction } from "./db/database";
import { snapTradeCalls, snapTradeLimits } from "./db/work-schema";

/** The share of the rate limit that work in the background may use; the rest is always free for people. */
export const backgroundShare = 0.6;
const minuteMs = 60_000;

/** Whether a request may be sent now; if not, in how many seconds. */
export type Admission = { admitted: true } | { admitted: false; retryAfterSeconds: number };

/** The errand belongs to all that is done for it, and would else have to be handed through every function on the way to the request. */
const background = new AsyncLocalStorage<true>();

/** Everything that `work` asks of SnapTrade counts as background: it keeps to its share, and gives way to people. */
export function inBackground<T>(work: () => Promise<T>): Promise<T> {
  return background.run(true, work);
}

/**
 * Asks for one request to SnapTrade out of the one budget of all processes: a rolling minute, kept in the database (FACTS 7.4).
 * A person is admitted unless the whole minute is used up; the background only within its share, and only while enough is left for people.
 * Nobody is while SnapTrade has said to wait.
 */
export async function admit(): Promise<Admission> {
  const now = new Date();
  const inBackground = background.getStore() ?? false;
  return transaction(async (tx) => {
    // Its row is the lock: two processes never count the same room twice.
    const [limits] = await tx.select().from(snapTradeLimits).for("update");
    if (!limits) throw new Error("The budget has no row");
    if (limits.blockedUntil && limits.blockedUntil > now) return waitUntil(limits.blockedUntil, now);
    const usage = { ...limits, ...(await countCalls(tx, now)) };
    if (inBackground ? roomOf(usage, now) < 1 : leftOf(usage, now) < 1) return waitUntil(roomAgainAt(usage, now), now);
    await tx.insert(snapTradeCalls).values({ at: now, background: inBackground });
    return { admitted: true };
  });
}

interface Usage {
  perMinute: number;
  remaining: number | null;
  remainingUntil: Date | null;
  all: number;
  background: number;
  oldest: Date | null;
}

/** How many more requests the background may make within this minute. */
export function roomOf(usage: Usage, now: Date): number {
  const share = Math.floor(usage.perMinute * backgroundShare);
  const forPeople = usage.perMinute - share;
  return Math.max(0, Math.min(share - usage.background, leftOf(usage, now) - forPeople));
}

/** How many more requests anybody may make: by our own count, and by SnapTrade's where that says less. */
function leftOf({ perMinute, remaining, remainingUntil, all }: Usage, now: Date): number {
  const told = remaining !== null && remainingUntil && remainingUntil > now ? remaining : perMinute;
  return Math.min(told, perMinute - all);
}

/** How many requests the background may make right now; for planning, since each one is asked for again when it is made. */
export async function roomForBackground(now: Date): Promise<number> {
  const db = await database();
  const [limits] = await db.select().from(snapTradeLimits);
  if (!limits || (limits.blockedUntil && limits.blockedUntil > now)) return 0;
  return roomOf({ ...limits, ...(await countCalls(db, now)) }, now);
}

/** When the oldest request leaves the minute, or SnapTrade begins a new one. */
function roomAgainAt({ remaining, remainingUntil, oldest }: Usage, now: Date): Date {
  const usedUp = remaining === 0 && remainingUntil && remainingUntil > now;
  return usedUp ? remainingUntil : new Date((oldest ?? now).getTime() + minuteMs);
}

async function countCalls(db: Pick<Transaction, "select">, now: Date): Promise<Pick<Usage, "all" | "background" | "oldest">> {
  const { at, background } = snapTradeCalls;
  const [counted] = await db
    .select({
      all: sql<number>`count(*)::int`,
      background: sql<number>`(count(*) filter (where ${background}))::int`,
      oldest: sql<Date | null>`min(${at})`.mapWith(at),
    })
    .from(snapTradeCalls)
    .where(gt(at, new Date(now.getTime() - minuteMs)));
  return counted ?? { all: 0, background: 0, oldest: null };
}

/** What the headers of an answer say of the limit (X-RateLimit-*); absent ones change nothing. */
export async function noteLimits(told: { limit?: number; remaining?: number; resetSeconds?: number }): Promise<void> {
  const { limit, remaining, resetSeconds = 60 } = told;
  if (limit === undefined && remaining === undefined) return;
  const db = await database();
  await db.update(snapTradeLimits).set({
    ...(limit === undefined ? {} : { perMinute: limit }),
    ...(remaining === undefined ? {} : { remaining, remainingUntil: new Date(Date.now() + resetSeconds * 1000) }),
  });
}

/** After a 429: nobody sends anything for so many seconds. */
export async function noteRefusal(retryAfterSeconds: number): Promise<void> {
  const db = await database();
  const until = new Date(Date.now() + retryAfterSeconds * 1000).toISOString();
  await db.update(snapTradeLimits).set({ blockedUntil: sql`greatest(${snapTradeLimits.blockedUntil}, ${until}::timestamptz)` });
}

/** Forgets requests that no minute reaches back to. */
export async function forgetOldCalls(now: Date): Promise<void> {
  const db = await database();
  await db.delete(snapTradeCalls).where(lt(snapTradeCalls.at, new Date(now.getTime() - 2 * minuteMs)));
}

/** What the background may do per minute at most. */
export async function backgroundPerMinute(): Promise<number> {
  const db = await database();
  const [limits] = await db.select({ perMinute: snapTradeLimits.perMinute }).from(snapTradeLimits).where(eq(snapTradeLimits.id, 1));
  return Math.floor((limits?.perMinute ?? 250) * backgroundShare);
}

function waitUntil(until: Date, now: Date): Admission {
  return { admitted: false, retryAfterSeconds: Math.max(1, Math.ceil((until.getTime() - now.getTime()) / 1000)) };
}
