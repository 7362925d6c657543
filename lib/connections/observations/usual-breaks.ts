import "server-only";
import { and, gte, inArray, lt, sql } from "drizzle-orm";
import { database, transaction } from "@/lib/db/client";
import { episodes } from "@/lib/db/schema/connections";
import { brokerageQuarters, quarterMarks } from "@/lib/db/schema/incidents";

export const quarterMs = 15 * 60_000;
const quartersCounted = 14 * 24 * 4;
/** About as many marks as one round leaves on a day with 400,000 breaks. */
const marksAtOnce = 10_000;
const removedAtOnce = 5_000;
/** The key of the advisory lock for counting quarters; any number that nothing else uses. */
const advisoryLock = 7_274_002;

const quarterOf = (at: number) => new Date(Math.floor(at / quarterMs) * quarterMs);
/** The first quarter that is still kept. */
const oldestOf = (now: Date) =>
  new Date(quarterOf(now.getTime()).getTime() - (quartersCounted + 2) * quarterMs);

/**
 * Recounts the marked quarters that are over, so that each stored number equals a count of the episodes, and
 * removes quarters that no longer matter. The work is bounded; what is left comes first next time. Running it
 * twice, or in two processes, does no harm.
 */
export async function countQuarters(now: Date): Promise<void> {
  const current = sql`${quarterOf(now.getTime()).toISOString()}::timestamptz`;
  const oldest = sql`${oldestOf(now).toISOString()}::timestamptz`;
  await transaction(async (tx) => {
    // Of two counts of one quarter, the later one must win. The lock gives it the newer snapshot, too.
    await tx.execute(sql`select pg_advisory_xact_lock(${sql.raw(String(advisoryLock))})`);
    // A change and its mark are committed together, so this snapshot contains every change whose mark it
    // takes.
    await tx.execute(sql`
      with taken as (
        delete from ${quarterMarks} where id = any(array(
          select id from ${quarterMarks} where quarter < ${current} order by quarter limit ${sql.raw(String(marksAtOnce))}
        )) returning brokerage_id, quarter
      ), marked as (
        select distinct brokerage_id, quarter from taken where quarter >= ${oldest}
      )
      insert into ${brokerageQuarters} (brokerage_id, quarter, people)
      select brokerage_id, quarter, (
        select count(distinct user_id) from ${episodes} as episode where episode.brokerage_id = marked.brokerage_id
          and episode.broke_at >= marked.quarter and episode.broke_at < marked.quarter + interval '15 minutes'
      ) from marked order by brokerage_id, quarter
      on conflict (brokerage_id, quarter) do update set people = excluded.people`);
    await tx.execute(sql`
      delete from ${brokerageQuarters} where (brokerage_id, quarter) in (
        select brokerage_id, quarter from ${brokerageQuarters} where quarter < ${oldest}
        order by quarter limit ${sql.raw(String(removedAtOnce))}
      )`);
  });
}

/**
 * How many people's connections usually break at each of these brokerages within 15 minutes: the mean over
 * the two weeks of whole quarters that ended before `until`.
 */
export async function usualBreaks(brokerageIds: string[], until: Date): Promise<Map<string, number>> {
  const db = await database();
  const end = quarterOf(until.getTime());
  const rows = await db
    .select({
      brokerageId: brokerageQuarters.brokerageId,
      people: sql<number>`sum(${brokerageQuarters.people})::int`,
    })
    .from(brokerageQuarters)
    .where(
      and(
        inArray(brokerageQuarters.brokerageId, brokerageIds),
        gte(brokerageQuarters.quarter, new Date(end.getTime() - quartersCounted * quarterMs)),
        lt(brokerageQuarters.quarter, end),
      ),
    )
    .groupBy(brokerageQuarters.brokerageId);
  return new Map(rows.map(({ brokerageId, people }) => [brokerageId, people / quartersCounted]));
}
