import "server-only";
import { and, isNull, lt, sql } from "drizzle-orm";
import { recordChangeAt } from "@/lib/db/changes";
import { database } from "@/lib/db/client";
import { incidents } from "@/lib/db/schema/incidents";
import { brokerages, episodes } from "@/lib/db/schema/connections";
import { announceChanges } from "@/lib/live";
import { countQuarters, quarterMs, usualBreaks } from "./usual-breaks";

const windowMs = quarterMs;
const calmMs = 30 * 60_000;

const minPeople = 5;
/** Stops counting a brokerage's breaks in 15 minutes at this number; the usual number is far lower. */
const maxCounted = 20_000;

/**
 * Whether so many people's breaks at one brokerage within 15 minutes are an incident: at least five, and far
 * more than usual. People count, not breaks: one person's many connections say nothing about the brokerage.
 * @param usual how many people a typical 15 minutes has
 */
export function isIncident(people: number, usual: number): boolean {
  return people >= Math.max(minPeople, usual * 4 + 3 * Math.sqrt(usual));
}

/**
 * Recognizes new incidents, and ends those that have been calm for half an hour.
 * @returns the ids of the brokerages where an incident began or ended
 */
export async function recordIncidents(now: Date): Promise<{ begun: string[]; ended: string[] }> {
  const db = await database();
  await countQuarters(now);
  const struck = await listStruckBrokerages(now);

  const begun: string[] = [];
  for (const brokerageId of struck) {
    const seen = await db
      .insert(incidents)
      .values({ brokerageId, beganAt: new Date(now.getTime() - windowMs), lastSeenAt: now })
      .onConflictDoUpdate({
        target: incidents.brokerageId,
        targetWhere: isNull(incidents.endedAt),
        set: { lastSeenAt: now },
      })
      .returning({ beganAt: incidents.beganAt });
    if (seen[0]?.beganAt.getTime() === now.getTime() - windowMs) begun.push(brokerageId);
  }
  const calm = await db
    .update(incidents)
    .set({ endedAt: now })
    .where(and(isNull(incidents.endedAt), lt(incidents.lastSeenAt, new Date(now.getTime() - calmMs))))
    .returning({ brokerageId: incidents.brokerageId });
  const ended = calm.map(({ brokerageId }) => brokerageId);
  await recordChangeAt(db, [...begun, ...ended]);
  await announceChanges();
  return { begun, ended };
}

/**
 * The brokerages that have an incident now. Breaks are dated by SnapTrade's clock, so a clock difference only
 * shifts the window. Costs one index range per brokerage, however many episodes there are.
 */
async function listStruckBrokerages(now: Date): Promise<string[]> {
  const db = await database();
  const windowStart = new Date(now.getTime() - windowMs);
  const found: unknown = await db.execute(sql`
    select brokerage.id, recent.people from ${brokerages} as brokerage cross join lateral (
      select count(distinct user_id)::int as people from (
        select user_id from ${episodes} where brokerage_id = brokerage.id and broke_at > ${windowStart.toISOString()}::timestamptz
        order by broke_at desc limit ${sql.raw(String(maxCounted))}
      ) as broken
    ) as recent where recent.people >= ${minPeople}`);
  const recent = (found as { rows: { id: string; people: number }[] }).rows;
  if (recent.length === 0) return [];
  const usual = await usualBreaks(
    recent.map(({ id }) => id),
    windowStart,
  );
  return recent.filter(({ id, people }) => isIncident(people, usual.get(id) ?? 0)).map(({ id }) => id);
}
