import "server-only";
import { sql } from "drizzle-orm";
import { database } from "@/lib/db/client";
import { connections, episodes, portalSessions } from "@/lib/db/schema";
import { lifetimesFrom, type Lifetimes } from "./policy";

const shares = Array.from({ length: 19 }, (_, index) => (index + 1) / 20);

const keptMs = 10 * 60_000;
let kept: { at: number; lifetimes: Promise<Map<string, Lifetimes>> } | undefined;

/** Like listLifetimes, at most ten minutes old: for pages, to which yesterday's history would do. */
export function recentLifetimes(): Promise<Map<string, Lifetimes>> {
  if (!kept || Date.now() - kept.at > keptMs) {
    kept = { at: Date.now(), lifetimes: listLifetimes() };
    kept.lifetimes.catch(() => (kept = undefined));
  }
  return kept.lifetimes;
}

interface SignIns {
  connectedSince: Date | null;
  episodes: { endedAt: Date | null }[];
  portalSessions: { outcome: string | null; endedAt: Date | null }[];
}

/**
 * When someone last signed in for a connection before `until`: when it was made, repaired, or signed in again while it worked.
 * Null when none of it is known.
 */
export function signedInAt({ connectedSince, episodes, portalSessions }: SignIns, until: Date): Date | null {
  const repaired = episodes.map(({ endedAt }) => endedAt);
  const signedIn = portalSessions.map(({ outcome, endedAt }) => (outcome === "fixed" ? endedAt : null));
  const times = [connectedSince, ...repaired, ...signedIn].flatMap((at) => (at && at < until ? [at.getTime()] : []));
  return times.length > 0 ? new Date(Math.max(...times)) : null;
}

/** How long connections worked before they broke, by brokerage; only where there are enough episodes to say so. */
export async function listLifetimes(): Promise<Map<string, Lifetimes>> {
  const db = await database();
  const signedInAgain = sql`(select max(${portalSessions.endedAt}) from ${portalSessions} where ${portalSessions.connectionId} = ${episodes.connectionId}
    and ${portalSessions.outcome} = 'fixed' and ${portalSessions.endedAt} < ${episodes.brokeAt})`;
  const lived = db.$with("lived").as(
    db
      .select({
        brokerageId: connections.brokerageId,
        days: sql<number>`extract(epoch from ${episodes.brokeAt} - greatest(${connections.connectedSince},
            lag(${episodes.endedAt}) over (partition by ${episodes.connectionId} order by ${episodes.brokeAt}), ${signedInAgain})) / 86400`.as(
          "days",
        ),
      })
      .from(episodes)
      .innerJoin(connections, sql`${connections.id} = ${episodes.connectionId}`),
  );
  const rows = await db
    .with(lived)
    .select({
      brokerageId: lived.brokerageId,
      days: sql<Lifetimes>`percentile_cont(array[${sql.raw(shares.join(","))}]::float8[]) within group (order by ${lived.days})`,
    })
    .from(lived)
    .where(sql`${lived.days} > 0`)
    .groupBy(lived.brokerageId)
    .having(sql`count(*) >= ${lifetimesFrom}`);
  return new Map(rows.map(({ brokerageId, days }) => [brokerageId, days.map(Number)]));
}
