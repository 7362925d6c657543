import "server-only";
import { createHmac } from "node:crypto";
import { sql } from "drizzle-orm";
import { AppError, type AppErrorCode } from "@/lib/base/errors";
import { env } from "@/lib/base/env";
import { database } from "@/lib/db/client";
import { rateLimits } from "@/lib/db/schema/work";

/** What one person, one address, or everyone together may do: `burst` at once, then one per `everyMs`. */
const limits = {
  "sign-in mail": { burst: 30, everyMs: 333 },
  "sign-in mail by address": { burst: 15, everyMs: 15_000 },
  "look by person": { burst: 6, everyMs: 10_000 },
  "login link by person": { burst: 10, everyMs: 10_000 },
  "own window by person": { burst: 10, everyMs: 10_000 },
  // Streams end after ten minutes, so these also limit how many are open across all processes.
  "live stream by person": { burst: 60, everyMs: 3_000 },
  "live stream by address": { burst: 300, everyMs: 500 },
  "rejected webhook by address": { burst: 20, everyMs: 3_000 },
  "api request by key": { burst: 600, everyMs: 100 },
};
type Limit = keyof typeof limits;

/** How many rows that no longer limit anything are deleted for each new one, which keeps the table small. */
const deletedPerNew = 10;

/** Processes' clocks differ by less than this; a free moment that is further ahead comes from a wrong clock. */
const clockToleranceMs = 5 * 60_000;

/** How much of a limit is used after one more request. */
export interface Taken {
  /** 0, or in how many seconds to try again if the request is refused. */
  waitSeconds: number;
  /** How many more requests are granted at once now, of how many in how many seconds. */
  left: number;
  burst: number;
  windowSeconds: number;
}

/** Like takeAndMeasure, for those who only need to know whether the request is refused. */
export async function take(limit: Limit, subject: string, now: Date): Promise<number> {
  return (await takeAndMeasure(limit, subject, now)).waitSeconds;
}

/**
 * Counts one request by this subject: a person's id, a client's network, or "" for everyone together. All
 * processes share the count. A refused request doesn't count, so trying again never makes the wait longer.
 */
export async function takeAndMeasure(limit: Limit, subject: string, now: Date): Promise<Taken> {
  const { burst, everyMs } = limits[limit];
  const whole = { burst, windowSeconds: Math.ceil((burst * everyMs) / 1_000) };
  const at = (ms: number) => sql`${new Date(now.getTime() + ms).toISOString()}::timestamptz`;
  // When the next request would be due at an even pace.
  const free = sql`case when held.free_at > ${at(burst * everyMs + clockToleranceMs)} then ${at(0)} else greatest(held.free_at, ${at(0)}) end`;
  const db = await database();
  const answer: unknown = await db.execute(sql`
    insert into ${rateLimits} as held (key, free_at) values (${keyOf(limit, subject)}, ${at(everyMs)})
    on conflict (key) do update set free_at = ${free} + ${everyMs} * interval '1 millisecond'
    where ${free} <= ${at((burst - 1) * everyMs)}
    returning xmax = 0 as "isNew", extract(epoch from held.free_at)::float8 * 1000 as "freeMs"`);
  const [taken] = (answer as { rows: { isNew: boolean; freeMs: number }[] }).rows;
  if (!taken) return { ...whole, waitSeconds: Math.ceil(everyMs / 1_000), left: 0 };
  if (taken.isNew)
    await db.execute(sql`
      delete from ${rateLimits} where key in (
        select key from ${rateLimits} where free_at < ${at(0)} order by free_at limit ${deletedPerNew} for update skip locked)`);
  const left = burst - Math.ceil((taken.freeMs - now.getTime()) / everyMs);
  return { ...whole, waitSeconds: 0, left: Math.max(0, left) };
}

/**
 * Like take, for something that a person asked for.
 * @throws AppError with this code when the limit is reached
 */
export async function takeOrThrow(
  limit: Limit,
  subject: string,
  now: Date,
  code: AppErrorCode,
): Promise<void> {
  if ((await take(limit, subject, now)) > 0) throw new AppError(code);
}

/** Neither an address nor a person's id can be read from the table, or guessed without the secret. */
const keyOf = (limit: Limit, subject: string) =>
  createHmac("sha256", env().NEXTAUTH_SECRET).update(`limit ${limit} ${subject}`).digest("base64url");
