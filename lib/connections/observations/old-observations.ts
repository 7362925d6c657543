import "server-only";
import { randomUUID } from "node:crypto";
import { lt, sql } from "drizzle-orm";
import { database } from "@/lib/db/client";
import { deleteOldest } from "@/lib/db/delete-oldest";
import { observations } from "@/lib/db/schema/connections";
import { incidents } from "@/lib/db/schema/incidents";

/** How long we keep observations that no state depends on, and incidents after their end. */
const historyDays = 400;
const dayMs = 86_400_000;
const examinedAtOnce = 2_000;

/**
 * The connection at which the next call continues. Starts at a random one, so that restarts favor nobody, and
 * wraps around.
 */
let examinedUpTo: string = randomUUID();

/**
 * Deletes old observations that precede the last old one that found the connection working. The rest leads to
 * the same state without them, and episodes are kept regardless. A connection that was ever reported deleted
 * keeps all of its observations, because what revived it decides which later ones count. Walks through all
 * connections, about two thousand observations per call.
 */
export async function deleteOldObservations(now: Date): Promise<number> {
  const db = await database();
  const before = sql`${new Date(now.getTime() - historyDays * dayMs).toISOString()}::timestamptz`;
  const found: unknown = await db.execute(sql`
    with examined as materialized (
      select ctid, connection_id from ${observations} where connection_id >= ${examinedUpTo}::uuid
      order by connection_id, observed_at limit ${examinedAtOnce}
    ), old as materialized (
      select old.ctid from ${observations} as old
      where old.ctid = any(array(select ctid from examined)) and old.observed_at < ${before} and not exists (
        select 1 from ${observations} as deletion
        where deletion.connection_id = old.connection_id and deletion.state = 'deleted'
      ) and exists (
        select 1 from ${observations} as later
        where later.connection_id = old.connection_id and later.state = 'enabled'
          and later.observed_at > old.observed_at and later.observed_at < ${before}
      )
      for update of old skip locked
    ), deleted as (
      delete from ${observations} where ctid = any(array(select ctid from old)) returning 1
    )
    select (select count(*)::int from deleted) as deleted, (select count(*)::int from examined) as examined,
      (select connection_id from examined order by connection_id desc limit 1) as last`);
  const [row] = (found as { rows: { deleted: number; examined: number; last: string | null }[] }).rows;
  examinedUpTo =
    row?.last && row.examined === examinedAtOnce ? row.last : "00000000-0000-0000-0000-000000000000";
  return row?.deleted ?? 0;
}

/** Deletes incidents that ended long ago. */
export function deleteOldIncidents(now: Date): Promise<number> {
  const { endedAt } = incidents;
  return deleteOldest(incidents, endedAt, lt(endedAt, new Date(now.getTime() - historyDays * dayMs)));
}
