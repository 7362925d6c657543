import "server-only";
import {
  and,
  asc,
  desc,
  eq,
  exists,
  gt,
  gte,
  inArray,
  isNotNull,
  isNull,
  lt,
  lte,
  or,
  sql,
} from "drizzle-orm";
import { database } from "@/lib/db/client";
import { connections, episodes } from "@/lib/db/schema/connections";
import { portalSessions } from "@/lib/db/schema/portal";
import { snapTradeUsers } from "@/lib/db/schema/users";
import { describeError, log } from "@/lib/base/log";
import { listLifetimes, signedInAt } from "@/lib/connections/observations/lifetimes";
import { heartbeatsToJudge, silenceFactor, silenceSlackMs, waitFor, type Candidates } from "./policy";
import { type WatchedConnection } from "@/lib/connections/observations/lifetimes";
import { portalOpenMinutes } from "@/lib/connections/look/due";

/** People in the portal are looked at by their own pages; the timer covers those whose page is closed. */
const portalEveryMs = 20_000;
const failedAgainMs = 60_000;
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
  const asked = sql`greatest(${snapTradeUsers.lookedAt}, ${snapTradeUsers.lookFailedAt})`;
  const working = db
    .select({ one: sql`1` })
    .from(connections)
    .where(and(eq(connections.userId, snapTradeUsers.userId), eq(connections.state, "enabled")));
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
        .orderBy(sql`${asked} nulls first`, snapTradeUsers.userId)
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
        .where(
          and(present, exists(working), or(sql`${asked} is null`, lt(asked, before(now, failedAgainMs)))),
        )
        .orderBy(sql`${asked} nulls first`)
        .limit(room),
    ),
  ]);
  return { candidates: { inPortal, due, silent, risky, stalest }, missing };
}

/**
 * People with connections that count as silent (policy.ts, silentAt; docs/snaptrade.md §8.6) and that have
 * not been looked at since.
 */
export async function listSilent(now: Date, room: number, upSince: Date): Promise<{ userId: string }[]> {
  const db = await database();
  const gap = sql`${connections.heartbeatGapMs} * interval '1 millisecond'`;
  const silentAt = sql`(${connections.lastHeartbeatAt} + ${gap} * ${silenceFactor}::float8 + ${silenceSlackMs} * interval '1 millisecond')`;
  return db
    .select({ userId: connections.userId })
    .from(connections)
    .innerJoin(snapTradeUsers, eq(snapTradeUsers.userId, connections.userId))
    .where(
      and(
        present,
        eq(connections.state, "enabled"),
        gte(connections.heartbeats, heartbeatsToJudge),
        isNotNull(connections.heartbeatGapMs),
        lt(connections.lastHeartbeatAt, before(now, silenceSlackMs)),
        sql`${connections.lastHeartbeatAt} + ${gap} >= ${upSince.toISOString()}::timestamptz`,
        sql`${silentAt} <= ${now.toISOString()}::timestamptz`,
        sql`coalesce(${snapTradeUsers.lookedAt} < ${silentAt}, true) and ${connections.observedAt} < ${silentAt}`,
        notJustFailed(now),
      ),
    )
    .groupBy(connections.userId)
    .orderBy(sql`min(${connections.lastHeartbeatAt})`)
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
    listLifetimes(),
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
  await db.execute(sql`
    update ${snapTradeUsers} set next_look_at = wanted.at
    from json_to_recordset(${JSON.stringify(next)}::json) as wanted ("userId" uuid, at timestamptz)
    where user_id = wanted."userId"`);
}

/** Counts people with a working connection, whose breaks could be missed. */
export async function countWatched(): Promise<number> {
  const db = await database();
  const [row] = await db
    .select({ watched: sql<number>`count(distinct ${connections.userId})::int` })
    .from(connections)
    .innerJoin(snapTradeUsers, eq(snapTradeUsers.userId, connections.userId))
    .where(and(present, eq(connections.state, "enabled")));
  return row?.watched ?? 0;
}
