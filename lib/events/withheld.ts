import "server-only";
import { sql } from "drizzle-orm";
import { database } from "@/lib/db/client";
import { eventDeliveries, eventEndpoints } from "@/lib/db/schema/events";
import { withheldBefore } from "@/lib/db/withheld";
import { isFree } from "./claim";

const givenUpAtOnce = 5_000;

/**
 * Gives up deliveries that shadow mode has withheld for more than an hour, so that none is sent as old news once
 * this is live again; GET /events still lists their events. What waits for a paused endpoint goes on waiting for
 * it. At most 5,000 per endpoint and call.
 * @param now our clock
 */
export async function giveUpWithheld(now: Date): Promise<void> {
  const db = await database();
  await db.execute(sql`
    update ${eventDeliveries} set state = 'dead', last_error = 'shadow mode' where ctid = any(array(
      select overdue.row from ${eventEndpoints} as endpoint cross join lateral (
        select ctid as row from ${eventDeliveries}
        where endpoint_id = endpoint.id and state = 'waiting' and run_at < ${withheldBefore(now)}
          and ${isFree(now)}
        order by run_at limit ${sql.raw(String(givenUpAtOnce))} for update skip locked
      ) as overdue where endpoint.paused_at is null))`);
}
