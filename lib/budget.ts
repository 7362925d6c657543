import "server-only";
import { AsyncLocalStorage } from "node:async_hooks";
import { eq, lt, sql } from "drizzle-orm";
import { database } from "./db/client";
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
 * A person is admitted unless SnapTrade has said to wait; the background only within its share, and only while enough is left.
 */
export function admit(): Promise<Admission> {
  const now = new Date();
  return background.getStore() ? admitBackground(now) : admitPerson(now);
}

async function admitPerson(now: Date): Promise<Admission> {
  const db = await database();
  const [limits] = await db.select({ blockedUntil: snapTradeLimits.blockedUntil }).from(snapTradeLimits);
  if (limits?.blockedUntil && limits.blockedUntil > now) return waitUntil(limits.blockedUntil, now);
  await db.insert(snapTradeCalls).values({ at: now, background: false });
  return { admitted: true };
}

async function admitBackground(now: Date): Promise<Admission> {
  const db = await database();
  return db.transaction(async (tx) => {
    // Its row is the lock: two processes never count the same room twice.
    const [limits] = await tx.select().from(snapTradeLimits).for("update");
    if (!limits) return waitUntil(new Date(now.getTime() + minuteMs), now);
    if (limits.blockedUntil && limits.blockedUntil > now) return waitUntil(limits.blockedUntil, now);
    const room = roomOf({ ...limits, ...(await countCalls(tx, now)) }, now);
    if (room < 1) return { admitted: false, retryAfterSeconds: 5 };
    await tx.insert(snapTradeCalls).values({ at: now, background: true });
    return { admitted: true };
  });
}

interface Usage {
  perMinute: number;
  remaining: number | null;
  remainingUntil: Date | null;
  all: number;
  background: number;
}

/** How many more requests the background may make within this minute. */
export function roomOf({ perMinute, remaining, remainingUntil, all, background: own }: Usage, now: Date): number {
  const share = Math.floor(perMinute * backgroundShare);
  const forPeople = perMinute - share;
  const left = remaining !== null && remainingUntil && remainingUntil > now ? Math.min(remaining, perMinute - all) : perMinute - all;
  return Math.max(0, Math.min(share - own, left - forPeople));
}

/** How many requests the background may make right now; for planning, since each one is asked for again when it is made. */
export async function roomForBackground(now: Date): Promise<number> {
  const db = await database();
  const [limits] = await db.select().from(snapTradeLimits);
  if (!limits || (limits.blockedUntil && limits.blockedUntil > now)) return 0;
  return roomOf({ ...limits, ...(await countCalls(db, now)) }, now);
}

async function countCalls(db: Pick<Awaited<ReturnType<typeof database>>, "select">, now: Date): Promise<{ all: number; background: number }> {
  const [counted] = await db
    .select({ all: sql<number>`count(*)::int`, background: sql<number>`(count(*) filter (where ${snapTradeCalls.background}))::int` })
    .from(snapTradeCalls)
    .where(sql`${snapTradeCalls.at} > ${new Date(now.getTime() - minuteMs).toISOString()}::timestamptz`);
  return counted ?? { all: 0, background: 0 };
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
