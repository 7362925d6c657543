import "server-only";
import { sql } from "drizzle-orm";
import { affectedRows } from "@/lib/db/affected-rows";
import { database } from "@/lib/db/client";
import { brokerages } from "@/lib/db/schema/connections";
import { notices } from "@/lib/db/schema/notices";
import { withheldBefore } from "@/lib/db/withheld";

const cancelledAtOnce = 2_000;

/**
 * Cancels e-mails that shadow mode has withheld for more than an hour, including those held for a brokerage, so
 * that none is sent as old news once this is live again. One statement, for at most 2,000 waiting and 2,000
 * held notices per brokerage.
 * @param now our clock
 * @returns how many
 */
export async function cancelWithheld(now: Date): Promise<number> {
  const db = await database();
  const overdue = sql`run_at < ${withheldBefore(now)}`;
  const limit = sql.raw(String(cancelledAtOnce));
  const cancelled = await db.execute(sql`
    with overdue as materialized (
      select notice.id from ${brokerages} as brokerage cross join lateral (
        (select id from ${notices} where brokerage_id = brokerage.id and mail = 'waiting' and ${overdue}
          order by run_at limit ${limit})
        union all (select id from ${notices} where held_for = brokerage.id and mail = 'held' and ${overdue} limit ${limit})
      ) as notice
    ), mine as materialized (
      -- A notice whose connection is being repaired right now is left to the next round, not waited for.
      select id from ${notices} where id = any(array(select id from overdue)) and mail in ('waiting', 'held')
      for update skip locked
    )
    update ${notices} set mail = 'cancelled', held_for = null, last_error = 'shadow mode'
    where id = any(array(select id from mine))`);
  return affectedRows(cancelled);
}
