import "server-only";
import { sql, type SQL } from "drizzle-orm";
import type { Transaction } from "@/lib/db/database";
import { uuids } from "@/lib/db/recordset";
import { brokerages, connections, episodes } from "@/lib/db/schema/connections";
import { fixSessions } from "@/lib/db/schema/fix-sessions";
import { portalSessions } from "@/lib/db/schema/portal";
import { snapTradeUsers } from "@/lib/db/schema/users";
import type { EndFacts } from "./decide";
import { needsPerson, repairableNow } from "./needs";

interface FactsRow extends EndFacts {
  id: string;
  userId: string;
  origin: "api" | "mail";
  connectionId: string | null;
  failure: string | null;
  failureCode: string | null;
}

/**
 * What decides whether these fix sessions are over, in one statement. A visit repaired a connection if its
 * break ended after SnapTrade opened the visit, and a read since then agrees or, while SnapTrade can't be read,
 * its event says so: the same rule as for what pages show (lib/connections/portal/outcome.ts).
 */
export async function readFacts(tx: Transaction, ids: string[], now: Date): Promise<FactsRow[]> {
  const found: unknown = await tx.execute(sql`
    select session.id, session.user_id as "userId", session.kind, session.origin,
      session.connection_id as "connectionId", session.connection_id is not null as "isForOne",
      session.failure, session.failure_code as "failureCode",
      session.expires_at <= ${now.toISOString()}::timestamptz as "isTooOld",
      visits.repaired, visits.made, visits."isUnconfirmed", visits."isInPortal", visits."hasFailed",
      own.needing, own.repairable, own."isRemoved"
    from ${fixSessions} as session
    cross join lateral (
      select
        coalesce(array_agg(distinct visit.connection_id::text) filter (where ${repairedBy}), '{}') as repaired,
        coalesce(array_agg(distinct visit.made::text) filter (where visit.made is not null), '{}') as made,
        coalesce(bool_or(${unconfirmedBy}), false) as "isUnconfirmed",
        coalesce(bool_or(visit.outcome is null), false) as "isInPortal",
        coalesce((array_agg(visit.outcome order by visit.started_at desc, visit.id desc)
          filter (where visit.opened_at is not null))[1] = 'failed', false) as "hasFailed"
      from (
        select ${portalSessions}.*, ${madeBy} as made from ${portalSessions} where fix_session_id = session.id
      ) as visit
    ) as visits
    cross join lateral (
      select
        count(*) filter (where case when session.connection_id is null then ${needsPerson} else state = 'disabled' end)::int as needing,
        count(*) filter (where ${repairableNow})::int as repairable,
        coalesce(bool_or(state = 'deleted') and session.connection_id is not null, false) as "isRemoved"
      from ${connections} join ${brokerages} on ${brokerages}.id = ${connections}.brokerage_id
      where ${connections}.user_id = session.user_id
        and (session.connection_id is null or ${connections}.id = session.connection_id)
    ) as own
    where session.id = any(${uuids(ids)})`);
  return (found as { rows: FactsRow[] }).rows;
}

const isConfirmed = sql`((repaired.read_at > visit.opened_at and repaired.read_state = 'enabled') or reader.look_failed_at is not null)`;

const endedSince = (condition: SQL) => sql`exists (
  select 1 from ${episodes} as episode
  join ${connections} as repaired on repaired.id = episode.connection_id
  left join ${snapTradeUsers} as reader on reader.user_id = repaired.user_id
  where episode.connection_id = visit.connection_id and episode.ended_how = 'fixed'
    and episode.ended_at > visit.opened_at and repaired.state = 'enabled' and ${condition})`;
const repairedBy = endedSince(isConfirmed);
const unconfirmedBy = endedSince(sql`not ${isConfirmed}`);

/**
 * The connection that a visit made, as its portal session concluded. If that had been given up when the
 * connection appeared: the first one there since, unless another visit claims it.
 */
const madeBy = sql`case
  when intent <> 'connect' then null
  when outcome = 'connected' then connection_id
  when outcome = 'failed' then (
    select fresh.id from ${connections} as fresh
    where fresh.user_id = ${portalSessions}.user_id and fresh.brokerage_id = ${portalSessions}.brokerage_id
      and fresh.state = 'enabled' and coalesce(fresh.connected_since, fresh.first_observed_at) >= opened_at
      and not exists (
        select 1 from ${portalSessions} as other
        where other.connection_id = fresh.id and other.intent = 'connect' and other.id <> ${portalSessions}.id)
    order by fresh.first_observed_at limit 1)
  end`;
