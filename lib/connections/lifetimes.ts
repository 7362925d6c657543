import "server-only";
import { sql } from "drizzle-orm";
import { database } from "@/lib/db/client";
import { connections, episodes } from "@/lib/db/schema";
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

/** How long connections worked before they broke, by brokerage; only where there are enough episodes to say so. */
export async function listLifetimes(): Promise<Map<string, Lifetimes>> {
  const db = await database();
  const lived = db.$with("lived").as(
    db
      .select({
        brokerageId: connections.brokerageId,
        days: sql<number>`extract(epoch from ${episodes.brokeAt} - coalesce(
            lag(${episodes.endedAt}) over (partition by ${episodes.connectionId} order by ${episodes.brokeAt}), ${connections.connectedSince})) / 86400`.as(
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
