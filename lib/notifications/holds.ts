import "server-only";
import { sql } from "drizzle-orm";
import { database } from "@/lib/db/client";
import { notices } from "@/lib/db/schema/notices";
import { incidents } from "@/lib/db/schema/incidents";
import { brokerages, episodes } from "@/lib/db/schema/connections";

const heldAtOnce = 2_000;
const releasedAtOnce = 200;

interface BrokerageState {
  enabled: boolean;
  maintenance: boolean;
  degraded: boolean;
  incidents: unknown[];
}

/**
 * The reason why signing in at this brokerage would not work now, or null. Same rule as the two queries
 * below, for one notice.
 */
export function whyHeld(brokerage: BrokerageState, kind: string): string | null {
  if (!brokerage.enabled) return "cannot be reconnected";
  if (brokerage.maintenance) return "maintenance";
  if (brokerage.incidents.length > 0) return "many breaks at once";
  return kind === "when-back" && brokerage.degraded ? "degraded" : null;
}

const openIncident = sql`exists (select 1 from ${incidents} where ${incidents.brokerageId} = brokerage.id and ${incidents.endedAt} is null)`;
const why = sql`case
  when not brokerage.enabled then 'cannot be reconnected'
  when brokerage.maintenance then 'maintenance'
  when ${openIncident} then 'many breaks at once'
  when notice.kind = 'when-back' and brokerage.degraded then 'degraded' end`;

/**
 * Holds due notices that have to wait for their brokerage, so that they cost nothing until it recovers. One
 * statement, for at most 2,000 notices; it skips brokerages that people can sign in to.
 * @returns how many are newly held
 */
export async function holdNotices(now: Date): Promise<number> {
  const moment = sql`${now.toISOString()}::timestamptz`;
  const held: unknown = await (
    await database()
  ).execute(sql`
    with due as materialized (
      select notice.id, brokerage.id as brokerage_id, ${why} as why
      from ${brokerages} as brokerage cross join lateral (
        select id, episode_id, kind, run_at from ${notices}
        where brokerage_id = brokerage.id and mail = 'waiting' and run_at <= ${moment}
        order by run_at limit ${heldAtOnce} for update skip locked
      ) as notice
      join ${episodes} as episode on episode.id = notice.episode_id
      where (not brokerage.enabled or brokerage.maintenance or brokerage.degraded or ${openIncident})
        and notice.kind <> 'fixed' and episode.ended_at is null and ${why} is not null
      order by notice.run_at limit ${heldAtOnce}
    )
    update ${notices} set mail = 'held', held_for = due.brokerage_id, held_at = coalesce(held_at, ${moment}), last_error = due.why
    from due where ${notices}.id = any(array(select id from due)) and ${notices}.id = due.id and ${notices}.mail = 'waiting' returning 1`);
  return (held as { rows: unknown[] }).rows.length;
}

/**
 * Releases notices held for brokerages that have recovered: 200 people per brokerage at a time, each with
 * everything held for them there. One statement; when nothing is held, it costs one index lookup per
 * brokerage.
 */
export async function releaseNotices(now: Date): Promise<void> {
  await (
    await database()
  ).execute(sql`
    with free as materialized (
      select held.id from ${brokerages} as brokerage cross join lateral (
        select notice.id from ${notices} as notice
        where notice.mail = 'held' and notice.held_for = brokerage.id and (notice.kind <> 'when-back' or not brokerage.degraded)
        order by notice.user_id fetch first ${sql.raw(String(releasedAtOnce))} rows with ties
      ) as held
      where brokerage.enabled and not brokerage.maintenance and not ${openIncident}
    ), mine as materialized (
      -- A notice whose connection is being repaired right now is left to the next round, not waited for.
      select id from ${notices} where id = any(array(select id from free)) and mail = 'held' for update skip locked
    )
    update ${notices} set mail = 'waiting', held_for = null, run_at = ${now.toISOString()}::timestamptz
    where id = any(array(select id from mine))`);
}
