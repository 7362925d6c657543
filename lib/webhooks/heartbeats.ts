import "server-only";
import { and, asc, eq, inArray, lte, sql, type SQL } from "drizzle-orm";
import { database } from "@/lib/db/client";
import { isRefusal } from "@/lib/db/errors";
import { connections } from "@/lib/db/schema/connections";
import { snapTradeUsers } from "@/lib/db/schema/users";
import { inboxEvents, webhookEvents } from "@/lib/db/schema/webhooks";
import { affectedRows } from "@/lib/db/affected-rows";
import { count } from "@/lib/base/telemetry";
import { env } from "@/lib/base/env";
import { aheadMs } from "./effects";
import { recordFailure, type EventCounts } from "./failures";
import { isolateFailures } from "./isolate-failures";

const maxConcurrent = 2_000;
/** Events that another process is applying are left to it. */
const skipLocked = sql.raw("skip locked");
/** Each account sends its own, and a person may request one more; within an hour they count as one. */
const sameHeartbeat = sql.raw("interval '1 hour'");
/**
 * The maximum gap that fits the column; a connection with longer gaps has no rhythm. Computed in floating
 * point, which does not overflow.
 */
const maxGapMs = sql.raw("2e9::float8");
const maxHeartbeats = sql.raw("1000000");
const gapMs = sql`least(extract(epoch from newest.at - last_heartbeat_at)::float8 * 1000, ${maxGapMs})`;

/**
 * Processes waiting holdings updates: each counts as a heartbeat of its account's connection
 * (docs/snaptrade.md §6.5, §8.6), and the newest one is stored, with one row update per connection. Nearly
 * all events are of this type, so one statement claims, applies, and marks them without fetching any. Only if
 * it fails are they processed separately, so that a bad one fails alone.
 * @param now our clock
 * @param endsAt our clock in milliseconds: when to leave the rest for the next run
 * @returns how many were processed, including those without a user or for another user, which are only marked
 * @throws whatever the driver throws when the database is unreachable
 */
export async function applyHeartbeats(now: Date, endsAt: number): Promise<EventCounts> {
  const counts: EventCounts = { done: 0, failed: 0, dead: 0 };
  try {
    for (let taken = maxConcurrent; taken === maxConcurrent && Date.now() < endsAt;) {
      taken = await applyWaiting(now, sql`true`, skipLocked);
      counts.done += taken;
    }
  } catch (error) {
    if (!isRefusal(error)) throw error;
    await applyApart(now, endsAt, counts);
  }
  return counts;
}

async function applyApart(now: Date, endsAt: number, counts: EventCounts): Promise<void> {
  const db = await database();
  const { id, type, attempts, state, runAt } = inboxEvents;
  const waiting = await db
    .select({ id, type, attempts })
    .from(inboxEvents)
    .where(and(eq(state, "waiting"), eq(type, "ACCOUNT_HOLDINGS_UPDATED"), lte(runAt, now)))
    .orderBy(asc(runAt))
    .limit(maxConcurrent);
  const failures = await isolateFailures(waiting, endsAt, async (part) => {
    const ids = part.map((event) => event.id);
    // PostgreSQL reports an error before it releases the failed statement's locks, so this one waits for them.
    counts.done += await applyWaiting(now, inArray(sql`id`, ids), sql``);
  });
  for (const { items, error } of failures) {
    if (!isRefusal(error)) throw error;
    for (const event of items)
      await recordFailure({ ...event, attempts: event.attempts + 1 }, event.attempts, error, counts);
  }
}

async function applyWaiting(now: Date, which: SQL, locked: SQL): Promise<number> {
  const db = await database();
  const foreign = sql`coalesce(heartbeat.client_id, ${env().SNAPTRADE_CLIENT_ID}) <> ${env().SNAPTRADE_CLIENT_ID}`;
  const known = sql`(heartbeat.user_id is not null and not ${foreign})`;
  const done = await db.execute(sql`
    with due as materialized (
      select ctid from ${inboxEvents}
      where state = 'waiting' and run_at <= ${now.toISOString()}::timestamptz and type = 'ACCOUNT_HOLDINGS_UPDATED' and ${which}
      order by run_at, id limit ${maxConcurrent} for update ${locked}
    ), event as (
      -- By ctid, because a join might read the whole table, including the space that a backlog left behind.
      delete from ${inboxEvents} where ctid = any(array(select ctid from due)) returning *
    ), heartbeat as (
      select event.*, person.user_id, connection.user_id as owner_id,
        case when event.happened_at <= event.received_at + ${aheadMs} * interval '1 millisecond' then event.happened_at end as at
      from event
      left join ${snapTradeUsers} as person using (snaptrade_user_id)
      left join ${connections} as connection on connection.id = event.connection_id
    ), newest as (
      select connection_id, max(at) as at from heartbeat
      where user_id = owner_id and coalesce(client_id, ${env().SNAPTRADE_CLIENT_ID}) = ${env().SNAPTRADE_CLIENT_ID}
      group by connection_id
    ), held as (
      -- The same order everywhere, so that transactions never deadlock.
      select id from ${connections} where id in (select connection_id from newest) order by id for no key update
    ), alive as (
      update ${connections} set
        last_heartbeat_at = newest.at,
        heartbeats = least(heartbeats::float8 + case when newest.at - last_heartbeat_at < ${sameHeartbeat} then 0 else 1 end, ${maxHeartbeats})::int,
        heartbeat_gap_ms = case
          when last_heartbeat_at is null or newest.at - last_heartbeat_at < ${sameHeartbeat} then heartbeat_gap_ms
          when heartbeat_gap_ms is null then ${gapMs}::int
          -- After a pause the rhythm starts over; the pause is not part of it.
          when ${gapMs} > heartbeat_gap_ms * 3::float8 then heartbeat_gap_ms
          else least(heartbeat_gap_ms * 0.7::float8 + ${gapMs} * 0.3::float8, ${maxGapMs})::int
        end
      from newest join held on held.id = newest.connection_id
      where ${connections}.id = newest.connection_id and (last_heartbeat_at is null or last_heartbeat_at < newest.at)
    )
    insert into ${webhookEvents} (id, received_at, happened_at, connection_id, brokerage_id, attempts, type, snaptrade_user_id, client_id,
      payload, outcome)
    select id, received_at, happened_at, case when ${known} then connection_id end, brokerage_id, attempts + 1, type,
      -- As in emptiedEvent; the event may be about someone whose account was deleted.
      case when ${known} then snaptrade_user_id end, client_id, '{}',
      case
        when ${foreign} then 'other-client'
        when user_id is null then 'unknown-user'
        when owner_id <> user_id then 'foreign-connection'
        when owner_id is null or at is null then 'noted'
        else 'applied'
      end
    from heartbeat`);
  const applied = affectedRows(done);
  count("reconnect.webhook.events", { type: "ACCOUNT_HOLDINGS_UPDATED", outcome: "done" }, applied);
  return applied;
}
