import "server-only";
import { sql } from "drizzle-orm";
import { database } from "@/lib/db/client";
import { episodes, observations } from "@/lib/db/schema/connections";
import { webhookEventIds } from "@/lib/db/schema/webhooks";

/** How reliable webhooks have been: the newest 500 breaks of the last full day that can be judged. */
export interface WebhookRecord {
  /** The breaks that were judged. */
  breaks: number;
  /** Breaks that the timer found and that no webhook reported within an hour. */
  missed: number;
  /** False if no webhook arrived in the last two weeks, most likely because no listener is set up. */
  received: boolean;
}

const hourMs = 3_600_000;
/** Enough to tell whether webhooks arrive; counting every break of a day would only cost more. */
const judgedAtOnce = 500;

/**
 * Judges the newest breaks of the 24 hours that ended an hour ago; a webhook that arrives within that hour is
 * merely slow.
 */
export async function countMissedWebhooks(now: Date): Promise<WebhookRecord> {
  const db = await database();
  const to = new Date(now.getTime() - hourMs);
  const [since, until] = [new Date(to.getTime() - 24 * hourMs), to].map(
    (at) => sql`${at.toISOString()}::timestamptz`,
  );
  const reported = sql`exists (
    select 1 from ${observations} as report where report.connection_id = judged.connection_id and report.source = 'webhook'
      and report.state = 'disabled' and report.observed_at >= judged.broke_at - interval '5 seconds'
      and report.recorded_at <= judged.noticed_at + interval '1 hour')`;
  const counted: unknown = await db.execute(sql`
    select count(*)::int as breaks, (count(*) filter (where judged.noticed_by = 'timer' and not ${reported}))::int as missed
    from (
      select connection_id, broke_at, noticed_at, noticed_by from ${episodes}
      where noticed_at >= ${since} and noticed_at < ${until} order by noticed_at desc limit ${sql.raw(String(judgedAtOnce))}
    ) as judged`);
  const [any] = await db
    .select({ id: webhookEventIds.id })
    .from(webhookEventIds)
    .orderBy(webhookEventIds.id)
    .limit(1);
  const [row] = (counted as { rows: { breaks: number; missed: number }[] }).rows;
  return { breaks: row?.breaks ?? 0, missed: row?.missed ?? 0, received: any !== undefined };
}
