import "server-only";
import { and, eq, isNull, sql } from "drizzle-orm";
import { noteChangeAt } from "@/lib/db/changes";
import { database } from "@/lib/db/client";
import { connections, episodes, incidents } from "@/lib/db/schema";
import { announceChanges } from "@/lib/live";

const windowMs = 15 * 60_000;
const historyDays = 14;
const calmMs = 30 * 60_000;

/**
 * Whether so many breaks of one brokerage within a quarter of an hour are a wave: far more than usual there, and not just two or three.
 * @param usual how many there are in a quarter of an hour as a rule
 */
export function isWave(breaks: number, usual: number): boolean {
  return breaks >= Math.max(5, usual * 4 + 3 * Math.sqrt(usual));
}

/**
 * Recognises waves, and ends those that have been calm for half an hour.
 * @returns the brokerages where a wave has begun or ended
 */
export async function noteWaves(now: Date): Promise<{ begun: string[]; ended: string[] }> {
  const db = await database();
  const since = (ms: number) => sql`${new Date(now.getTime() - ms).toISOString()}::timestamptz`;
  const recent = sql<number>`(count(*) filter (where ${episodes.brokeAt} > ${since(windowMs)}))::int`;
  const rates = await db
    .select({ brokerageId: connections.brokerageId, recent, all: sql<number>`count(*)::int` })
    .from(episodes)
    .innerJoin(connections, eq(connections.id, episodes.connectionId))
    .where(sql`${episodes.brokeAt} > ${since(historyDays * 86_400_000)}`)
    .groupBy(connections.brokerageId);
  const waving = rates.filter(({ recent: breaks, all }) => isWave(breaks, ((all - breaks) * windowMs) / (historyDays * 86_400_000)));

  const begun: string[] = [];
  for (const { brokerageId } of waving) {
    const seen = await db
      .insert(incidents)
      .values({ brokerageId, beganAt: new Date(now.getTime() - windowMs), lastSeenAt: now })
      .onConflictDoUpdate({ target: incidents.brokerageId, targetWhere: isNull(incidents.endedAt), set: { lastSeenAt: now } })
      .returning({ beganAt: incidents.beganAt });
    if (seen[0]?.beganAt.getTime() === now.getTime() - windowMs) begun.push(brokerageId);
  }
  const calm = await db
    .update(incidents)
    .set({ endedAt: now })
    .where(and(isNull(incidents.endedAt), sql`${incidents.lastSeenAt} < ${since(calmMs)}`))
    .returning({ brokerageId: incidents.brokerageId });
  const ended = calm.map(({ brokerageId }) => brokerageId);
  await noteChangeAt(db, [...begun, ...ended]);
  if (begun.length + ended.length > 0) await announceChanges();
  return { begun, ended };
}
