import "server-only";
import { sql } from "drizzle-orm";
import { database } from "@/lib/db/client";
import { connections, snapTradeUsers } from "@/lib/db/schema";
import { webhookEvents } from "@/lib/db/work-schema";
import { env } from "@/lib/env";
import { aheadMs } from "./effects";

const mostAtOnce = 2_000;
/** Each account has its own, and a person may ask for one more; within an hour they count as one. */
const sameBeat = sql.raw("interval '1 hour'");
const gapMs = sql.raw("least(extract(epoch from newest.at - last_beat_at) * 1000, 2e9)::int");

/**
 * Works off waiting holdings updates: each is a sign of life of its account's connection (FACTS 6.2), and the newest one is kept,
 * with one row update for each connection. Nearly all that SnapTrade sends is of this kind, so it is one statement that fetches nothing;
 * taking, effect and mark are one transaction by that alone.
 * @param now our clock
 * @returns how many were worked off; those that are nobody's, or another user's, change nothing and are kept as such
 */
export async function applyBeats(now: Date): Promise<number> {
  const db = await database();
  const done = await db.execute(sql`
    with beat as (
      select event.id, event.connection_id, person.user_id, connection.user_id as owner_id, event.client_id,
        case when event.happened_at <= event.received_at + ${aheadMs} * interval '1 millisecond' then event.happened_at end as at
      from (
        select * from ${webhookEvents}
        where state = 'waiting' and next_attempt_at <= ${now.toISOString()}::timestamptz and type = 'ACCOUNT_HOLDINGS_UPDATED'
        order by next_attempt_at limit ${mostAtOnce} for update skip locked
      ) as event
      left join ${snapTradeUsers} as person using (snaptrade_user_id)
      left join ${connections} as connection on connection.id = event.connection_id
    ), newest as (
      select connection_id, max(at) as at from beat
      where user_id = owner_id and coalesce(client_id, ${env().SNAPTRADE_CLIENT_ID}) = ${env().SNAPTRADE_CLIENT_ID}
      group by connection_id
    ), alive as (
      update ${connections} set
        last_beat_at = newest.at,
        beats = beats + case when newest.at - last_beat_at < ${sameBeat} then 0 else 1 end,
        beat_gap_ms = case
          when last_beat_at is null or newest.at - last_beat_at < ${sameBeat} then beat_gap_ms
          when beat_gap_ms is null then ${gapMs}
          -- After a break the rhythm begins again; the pause is none of it.
          when ${gapMs} > beat_gap_ms * 3 then beat_gap_ms
          else (beat_gap_ms * 0.7 + ${gapMs} * 0.3)::int
        end
      from newest
      join (
        select id as locked_id from ${connections} where id in (select connection_id from newest) order by id for no key update
      ) as locked on locked_id = newest.connection_id
      where id = newest.connection_id and (last_beat_at is null or last_beat_at < newest.at)
    )
    update ${webhookEvents} set state = 'done', attempts = attempts + 1, problem = null, outcome = case
        when coalesce(beat.client_id, ${env().SNAPTRADE_CLIENT_ID}) <> ${env().SNAPTRADE_CLIENT_ID} then 'other-client'
        when beat.user_id is null then 'unknown-user'
        when beat.owner_id <> beat.user_id then 'foreign-connection'
        when beat.owner_id is null or beat.at is null then 'noted'
        else 'applied'
      end
    from beat where ${webhookEvents}.id = beat.id`);
  return countOf(done);
}

/** The drivers count the rows of an update under different names. */
function countOf(result: unknown): number {
  const { rowCount, affectedRows } = result as { rowCount?: number | null; affectedRows?: number };
  return rowCount ?? affectedRows ?? 0;
}
