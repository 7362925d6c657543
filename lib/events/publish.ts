import "server-only";
import { sql } from "drizzle-orm";
import { transaction } from "@/lib/db/client";
import { eventDeliveries, eventEndpoints, eventPositions, events } from "@/lib/db/schema/events";

/** The key of the advisory lock for publishing; any number that nothing else uses. */
const advisoryLock = 7_274_003;
const publishedAtOnce = 1_000;
const maxBatches = 20;

/**
 * Gives recorded events their places in the stream, and plans their deliveries. One publisher at a time sees
 * all that is committed, so nobody who reads by place ever misses an event, and events about one connection
 * keep the order in which they were recorded (docs/decisions/0020-events-out.md). Nothing is planned for an
 * endpoint that is removed meanwhile.
 * @param now our clock
 */
export async function publishEvents(now: Date): Promise<void> {
  for (let batch = 0; batch < maxBatches; batch++) if ((await publishSome(now)) < publishedAtOnce) return;
}

async function publishSome(now: Date): Promise<number> {
  return transaction(async (tx) => {
    // Its own statement, so that the next one sees everything that was committed before the lock was free.
    await tx.execute(sql`select pg_advisory_xact_lock(${sql.raw(String(advisoryLock))})`);
    const found: unknown = await tx.execute(sql`
      with next as materialized (
        select id from ${events} where position is null order by recorded limit ${sql.raw(String(publishedAtOnce))}
        for update
      ), endpoint as materialized (
        select id, types from ${eventEndpoints} order by id for key share
      ), placed as materialized (
        select id, nextval('${sql.raw(eventPositions.seqName ?? "")}') as place from next
      ), published as (
        update ${events} set position = placed.place from placed
        where ${events}.id = any(array(select id from next)) and ${events}.id = placed.id
        returning ${events}.id, type, coalesce(connection_id, user_id) as line, position
      ), planned as (
        insert into ${eventDeliveries} (event_id, endpoint_id, line, position, run_at)
        select published.id, endpoint.id, line, position, ${now.toISOString()}::timestamptz
        from published join endpoint on endpoint.types is null or published.type = any(endpoint.types)
      )
      select count(*)::int as published from published`);
    const [row] = (found as { rows: { published: number }[] }).rows;
    return row?.published ?? 0;
  });
}
