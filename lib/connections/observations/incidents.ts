import "server-only";
import { and, countDistinct, eq, gt, gte, inArray, isNull, lt, lte, sql } from "drizzle-orm";
import { recordChangeAt } from "@/lib/db/changes";
import { database } from "@/lib/db/client";
import { incidents } from "@/lib/db/schema/incidents";
import { connections, episodes } from "@/lib/db/schema/connections";
import { announceChanges } from "@/lib/live";

const windowMs = 15 * 60_000;
const historyDays = 14;
const calmMs = 30 * 60_000;

const minPeople = 5;

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
 * shifts the window. The history is expensive, so it is read only for brokerages with enough people.
 */
async function listStruckBrokerages(now: Date): Promise<string[]> {
  const db = await database();
  const windowStart = new Date(now.getTime() - windowMs);
  const recent = await db
    .select({ brokerageId: connections.brokerageId, people: countDistinct(connections.userId) })
    .from(episodes)
    .innerJoin(connections, eq(connections.id, episodes.connectionId))
    .where(gt(episodes.brokeAt, windowStart))
    .groupBy(connections.brokerageId)
    .having(gte(countDistinct(connections.userId), minPeople));
  if (recent.length === 0) return [];
  const quarter = sql`floor(extract(epoch from ${episodes.brokeAt}) * 1000 / ${windowMs})`;
  const history = await db
    .select({
      brokerageId: connections.brokerageId,
      people: sql<number>`count(distinct (${connections.userId}, ${quarter}))::int`,
    })
    .from(episodes)
    .innerJoin(connections, eq(connections.id, episodes.connectionId))
    .where(
      and(
        gt(episodes.brokeAt, new Date(now.getTime() - historyDays * 86_400_000)),
        lte(episodes.brokeAt, windowStart),
        inArray(
          connections.brokerageId,
          recent.map(({ brokerageId }) => brokerageId),
        ),
      ),
    )
    .groupBy(connections.brokerageId);
  const quarters = (historyDays * 86_400_000) / windowMs;
  const usual = new Map(history.map(({ brokerageId, people }) => [brokerageId, people / quarters]));
  return recent
    .filter(({ brokerageId, people }) => isIncident(people, usual.get(brokerageId) ?? 0))
    .map(({ brokerageId }) => brokerageId);
}
