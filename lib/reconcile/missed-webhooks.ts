import "server-only";
import { and, eq, gte, lt, sql } from "drizzle-orm";
import { database } from "@/lib/db/client";
import { episodes, observations } from "@/lib/db/schema/connections";
import { webhookEventIds } from "@/lib/db/schema/webhooks";

/** How webhooks performed on the last full day that can be judged. */
export interface WebhookRecord {
  /** All breaks noticed that day. */
  breaks: number;
  /** Breaks that the timer found and that no webhook reported within an hour. */
  missed: number;
  /** False if no webhook arrived in the last two weeks; most likely no listener is set up. */
  received: boolean;
}

const hourMs = 3_600_000;

/**
 * Counts the breaks of the 24 hours that ended an hour ago; a webhook that arrives within that hour is merely
 * slow.
 */
export async function countMissedWebhooks(now: Date): Promise<WebhookRecord> {
  const db = await database();
  const to = new Date(now.getTime() - hourMs);
  const reported = sql`exists (
    select 1 from ${observations} where ${observations.connectionId} = ${episodes.connectionId} and ${observations.source} = 'webhook'
      and ${observations.state} = 'disabled' and ${observations.observedAt} >= ${episodes.brokeAt} - interval '5 seconds'
      and ${observations.recordedAt} <= ${episodes.noticedAt} + interval '1 hour')`;
  const [counted] = await db
    .select({
      breaks: sql<number>`count(*)::int`,
      missed: sql<number>`(count(*) filter (where ${eq(episodes.noticedBy, "timer")} and not ${reported}))::int`,
    })
    .from(episodes)
    .where(and(gte(episodes.noticedAt, new Date(to.getTime() - 24 * hourMs)), lt(episodes.noticedAt, to)));
  const [any] = await db.select({ id: webhookEventIds.id }).from(webhookEventIds).limit(1);
  return { breaks: counted?.breaks ?? 0, missed: counted?.missed ?? 0, received: any !== undefined };
}
