import "server-only";
import { sql } from "drizzle-orm";
import { database } from "@/lib/db/client";
import { connections, episodes } from "@/lib/db/schema/connections";
import { portalSessions } from "@/lib/db/schema/portal";

/** The ages in days at which 5%, 10%, … 95% of a brokerage's connections had broken. */
export type Lifetimes = number[];

/** What an estimate of a connection's remaining lifetime is based on. */
export interface WatchedConnection {
  enabled: boolean;
  /** When it was made or last repaired. */
  worksSince: Date | null;
  lifetimes: Lifetimes | null;
}

const dayMs = 86_400_000;

/** With fewer episodes, a brokerage's history is no basis for an estimate. */
export const minEpisodes = 20;
const shares = Array.from({ length: 19 }, (_, index) => (index + 1) / 20);

const keptMs = 10 * 60_000;
let kept: { at: number; lifetimes: Promise<Map<string, Lifetimes>> } | undefined;

/** Like listLifetimes, but up to ten minutes old, which is recent enough for pages. */
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
 * When someone last signed in for a connection before `until`: when it was made, repaired, or renewed. Null
 * when none of these is known.
 */
export function signedInAt({ connectedSince, episodes, portalSessions }: SignIns, until: Date): Date | null {
  const repaired = episodes.map(({ endedAt }) => endedAt);
  const signedIn = portalSessions.map(({ outcome, endedAt }) => (outcome === "fixed" ? endedAt : null));
  const times = [connectedSince, ...repaired, ...signedIn].flatMap((at) =>
    at && at < until ? [at.getTime()] : [],
  );
  return times.length > 0 ? new Date(Math.max(...times)) : null;
}

/**
 * How long connections worked before they broke, by brokerage id; only for brokerages with enough episodes.
 */
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
    .having(sql`count(*) >= ${minEpisodes}`);
  return new Map(rows.map(({ brokerageId, days }) => [brokerageId, days.map(Number)]));
}

/**
 * In about how many days a connection may need a new sign-in. Null while it is younger than the age at which
 * its brokerage's connections usually break, well past that age, or without enough history.
 */
export function daysToUsualEnd(
  { enabled, worksSince, lifetimes }: WatchedConnection,
  now: Date,
): number | null {
  if (!enabled || !worksSince || !lifetimes) return null;
  const age = (now.getTime() - worksSince.getTime()) / dayMs;
  const [early = 0, usual = 0, late = 0] = [lifetimes[1], lifetimes[9], lifetimes[17]];
  return age < Math.min(early, usual - 7) || age > late ? null : Math.max(1, Math.round(usual - age));
}
