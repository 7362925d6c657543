import "server-only";
import { lt, sql } from "drizzle-orm";
import { database } from "@/lib/db/client";
import { deleteOldest } from "@/lib/db/delete-oldest";
import { episodes } from "@/lib/db/schema/connections";
import { fixLinks, notices } from "@/lib/db/schema/notices";

/** How long a notice is kept, whether or not it was sent or read. */
const noticeDays = 400;
const examinedAtOnce = 5_000;

/** Deletes expired links. Used ones stay until they expire, too. */
export function deleteExpiredFixLinks(now: Date): Promise<number> {
  return deleteOldest(fixLinks, fixLinks.expiresAt, lt(fixLinks.expiresAt, now));
}

const start = { at: new Date(0).toISOString(), id: "00000000-0000-0000-0000-000000000000" };
/** Where the next call continues, so that old notices that are still needed don't hold up the rest. */
let examined = start;

/**
 * Deletes old notices that are finished: their e-mail was sent or given up, and the break they are about
 * ended just as long ago. While a break lasts, its notices decide whom to notify of what.
 */
export async function deleteOldNotices(now: Date): Promise<number> {
  const db = await database();
  const before = sql`${new Date(now.getTime() - noticeDays * 86_400_000).toISOString()}::timestamptz`;
  const found: unknown = await db.execute(sql`
    with examined as materialized (
      select id, episode_id, created_at from ${notices}
      where mail in ('sent', 'cancelled', 'failed', 'unknown') and created_at < ${before}
        and (created_at, id) > (${examined.at}::timestamptz, ${examined.id}::uuid)
      order by created_at, id limit ${examinedAtOnce}
    ), deleted as (
      delete from ${notices} where id in (
        select examined.id from examined join ${episodes} on ${episodes}.id = examined.episode_id where ended_at < ${before}
      ) returning 1
    )
    select (select count(*)::int from deleted) as deleted, (select count(*)::int from examined) as examined,
      last.id, last.created_at::text as at
    from (select 1) as one left join lateral (
      select id, created_at from examined order by created_at desc, id desc limit 1
    ) as last on true`);
  const [row] = (
    found as { rows: { deleted: number; examined: number; id: string | null; at: string | null }[] }
  ).rows;
  examined = row?.id && row.at && row.examined === examinedAtOnce ? { at: row.at, id: row.id } : start;
  return row?.deleted ?? 0;
}
