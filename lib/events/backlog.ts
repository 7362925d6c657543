import "server-only";
import { isNotNull, sql } from "drizzle-orm";
import { database } from "@/lib/db/client";
import { eventDeliveries, eventEndpoints } from "@/lib/db/schema/events";
import { webhookRelays } from "@/lib/db/schema/webhooks";

/**
 * How far the company's servers are behind.
 * @param now our clock
 * @returns for how many seconds an endpoint has failed, a delivery to one has been due, or a webhook has waited to
 * be relayed, whichever is longest; 0 if none. And how many endpoints are paused.
 */
export async function measureDeliveries(now: Date): Promise<{ behindSeconds: number; paused: number }> {
  const db = await database();
  const found: unknown = await db.execute(sql`
    select extract(epoch from least(
      (select min(least(endpoint.failing_since, due.run_at)) from ${eventEndpoints} as endpoint left join lateral (
        select run_at from ${eventDeliveries} where endpoint_id = endpoint.id and state = 'waiting'
        order by run_at limit 1) as due on true),
      (select min(received_at) from ${webhookRelays})))::float8 * 1000 as ms`);
  const [row] = (found as { rows: { ms: number | null }[] }).rows;
  const paused = await db.$count(eventEndpoints, isNotNull(eventEndpoints.pausedAt));
  return { behindSeconds: row?.ms == null ? 0 : Math.max(0, (now.getTime() - row.ms) / 1_000), paused };
}
