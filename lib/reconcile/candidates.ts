import "server-only";
import { and, asc, desc, eq, gt, inArray, isNull, lt, lte, or, sql } from "drizzle-orm";
import { database } from "@/lib/db/client";
import { recordset, uuids } from "@/lib/db/recordset";
import { connections, episodes } from "@/lib/db/schema/connections";
import { portalSessions } from "@/lib/db/schema/portal";
import { snapTradeUsers, watchedChanges } from "@/lib/db/schema/users";
import { rounds } from "@/lib/db/schema/work";
import { describeError, log } from "@/lib/base/log";
import { recentLifetimes, signedInAt } from "@/lib/connections/observations/lifetimes";
import { silenceFactor, silenceSlackMs, waitFor, type Candidates } from "./policy";
import { type WatchedConnection } from "@/lib/connections/observations/lifetimes";
import { portalOpenMinutes } from "@/lib/connections/look/due";

/** People in the portal are looked at by their own pages; the timer covers those whose page is closed. */
const portalEveryMs = 20_000;
const failedAgainMs = 60_000;
/** How many silent connections are considered at once. */
const silentAtOnce = 500;
/** The maximum wait, even if the rate limit is close to zero. */
const maxWaitMs = 7 * 86_400_000;

const before = (now: Date, ms: number) => new Date(now.getTime() - ms);
/** People whose secret is rejected are retried separately, at growing intervals (look/ask-again.ts). */
const present = and(isNull(snapTradeUsers.goneAt), isNull(snapTradeUsers.askAgainAt));
/** People whose look just failed come later, so that they don't use up everyone's looks. */
const notJustFailed = (now: Date) =>
  or(isNull(snapTradeUsers.lookFailedAt), lt(snapTradeUsers.lookFailedAt, before(now, failedAgainMs)));

/**
 * Lists who could be looked at now, best first, at most `room` people per list. A list that can't be read is
 * empty and named in `missing`.
 * @param upSince since when we would have received heartbeats
 */
export async function listCandidates(
  now: Date,
  room: number,
  upSince: Date,
): Promise<{ candidates: Candidates; missing: string[] }> {
  const db = await database();
  const user = { userId: snapTradeUsers.userId };
  // Written as in the index: people never looked at come first.
  const asked = sql`coalesce(greatest(${snapTradeUsers.lookedAt}, ${snapTradeUsers.lookFailedAt}), '-infinity')`;
  const missing: string[] = [];
  const read = async (name: keyof Candidates, query: PromiseLike<{ userId: string }[]>) => {
    try {
      return (await query).map(({ userId }) => userId);
    } catch (error) {
      log.error(
        { list: name, ...describeError(error) },
        "Could not list people to look at; continuing with the other lists",
      );
      missing.push(name);
      return [];
    }
  };
  const [inPortal, due, silent, risky, stalest] = await Promise.all([
    read(
      "inPortal",
      db
        .select(user)
        .from(portalSessions)
        .innerJoin(snapTradeUsers, eq(snapTradeUsers.userId, portalSessions.userId))
        .where(
          and(
            present,
            isNull(portalSessions.outcome),
            gt(portalSessions.activeAt, before(now, portalOpenMinutes * 60_000)),
            or(isNull(snapTradeUsers.lookedAt), lt(snapTradeUsers.lookedAt, before(now, portalEveryMs))),
          ),
        )
        .groupBy(snapTradeUsers.userId)
        .orderBy(asked, snapTradeUsers.userId)
        .limit(room),
    ),
    read(
      "due",
      db
        .select(user)
        .from(snapTradeUsers)
        .where(and(present, lte(snapTradeUsers.lookDueAt, now), notJustFailed(now)))
        .orderBy(asc(snapTradeUsers.lookDueAt))
        .limit(room),
    ),
    read("silent", listSilent(now, room, upSince)),
    read(
      "risky",
      db
        .select(user)
        .from(snapTradeUsers)
        .where(and(present, lte(snapTradeUsers.nextLookAt, now)))
        .orderBy(asc(snapTradeUsers.nextLookAt))
        .limit(room),
    ),
    read(
      "stalest",
      db
        .select(user)
        .from(snapTradeUsers)
        .where(and(snapTradeUsers.watched, present, lt(asked, before(now, failedAgainMs))))
        .orderBy(asked)
        .limit(room),
    ),
  ]);
  return { candidates: { inPortal, due, silent, risky, stalest }, missing };
}

/**
 * People with connections that count as silent (policy.ts, silentAt; docs/snaptrade.md §8.6) and that have
 * not been looked at since. Considers those that fell silent last: the others have had their turn, and those
 * that can't be judged or answered for must not block the way.
 */
export async function listSilent(now: Date, room: number, upSince: Date): Promise<{ userId: string }[]> {
  const db = await database();
  const moment = sql`${now.toISOString()}::timestamptz`;
  // How long after its due time a missing heartbeat makes a connection silent.
  const slack = sql`heartbeat_gap_ms * interval '1 millisecond' * ${silenceFactor - 1}::float8 + ${silenceSlackMs} * interval '1 millisecond'`;
  const newest = sql`(
    select user_id, silent_at, last_heartbeat_at, heartbeat_gap_ms from ${connections}
    where state = 'enabled' and observed_at < silent_at and silent_at <= ${moment}
    order by silent_at desc limit ${sql.raw(String(silentAtOnce))}
  ) as newest`;
  return db
    .select({ userId: snapTradeUsers.userId })
    .from(newest)
    .innerJoin(snapTradeUsers, sql`${snapTradeUsers.userId} = newest.user_id`)
    .where(
      and(
        present,
        sql`silent_at - (${slack}) >= ${upSince.toISOString()}::timestamptz`,
        sql`coalesce(${snapTradeUsers.lookedAt} < silent_at, true)`,
        notJustFailed(now),
      ),
    )
    .groupBy(snapTradeUsers.userId)
    .orderBy(sql`min(last_heartbeat_at)`)
    .limit(room);
}

/** Schedules the timer's next look at each of these people, based on their risk. */
export async function scheduleNextLooks(userIds: string[], periodMs: number, now: Date): Promise<void> {
  if (userIds.length === 0) return;
  const db = await database();
  const [rows, lifetimes] = await Promise.all([
    db.query.connections.findMany({
      columns: { userId: true, state: true, connectedSince: true, brokerageId: true },
      where: inArray(connections.userId, userIds),
      with: {
        episodes: { columns: { endedAt: true }, orderBy: [desc(episodes.brokeAt)], limit: 1 },
        portalSessions: {
          columns: { outcome: true, endedAt: true },
          where: eq(portalSessions.outcome, "fixed"),
        },
      },
    }),
    recentLifetimes(),
  ]);
  const watched = new Map<string, WatchedConnection[]>(userIds.map((userId) => [userId, []]));
  for (const row of rows) {
    watched.get(row.userId)?.push({
      enabled: row.state === "enabled",
      worksSince: signedInAt(row, now),
      lifetimes: lifetimes.get(row.brokerageId) ?? null,
    });
  }
  const next = [...watched].map(([userId, own]) => {
    const waitMs = waitFor(own, periodMs, now);
    return { userId, at: new Date(now.getTime() + (waitMs < maxWaitMs ? waitMs : maxWaitMs)) };
  });
  const among = sql`user_id = any(${uuids(userIds)})`;
  await db.execute(sql`
    with held as (
      -- The same order everywhere, so that transactions never deadlock.
      select user_id as id from ${snapTradeUsers} where ${among} order by user_id for no key update
    )
    update ${snapTradeUsers} set next_look_at = wanted.at
    from ${recordset("wanted", { userId: "uuid", at: "timestamptz" }, next)} join held on held.id = wanted."userId"
    where user_id = wanted."userId" and ${among}`);
}

/** The number that countWatched stored last. */
export async function lastWatched(): Promise<number> {
  const db = await database();
  const [row] = await db.select({ watched: rounds.watched }).from(rounds);
  return Math.max(0, row?.watched ?? 0);
}

/** An incident changes many people at once. At this number per round, a minute covers a hundred thousand. */
const changesAtOnce = 50_000;

/**
 * How many people are watched. Adds the changes since the last call to the stored number; each is added once,
 * even if another process is adding some at the same time.
 */
export async function countWatched(): Promise<number> {
  const db = await database();
  const counted: unknown = await db.execute(sql`
    with taken as (
      delete from ${watchedChanges} where id = any(array(
        select id from ${watchedChanges} order by id limit ${sql.raw(String(changesAtOnce))} for update skip locked
      )) returning change
    )
    update ${rounds} set watched = watched + coalesce((select sum(change) from taken), 0) where id = 1 returning watched`);
  const { rows } = counted as { rows: { watched: number }[] };
  return Math.max(0, rows[0]?.watched ?? 0);
}
