import "server-only";
import { sql } from "drizzle-orm";
import { database } from "@/lib/db/client";
import type { Transaction } from "@/lib/db/database";
import { recordset, uuids } from "@/lib/db/recordset";
import { brokerages, connections, episodes } from "@/lib/db/schema/connections";
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
/** Enough to know each share to within about two percent; more would only cost more. */
const maxEpisodes = 1_000;
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
 * Records how many days each connection had worked before a break, counted from the last sign-in (as in
 * signedInAt), or null if none is known. Covers these connections' episodes that are open or ended at `since`
 * or later. Part of the transaction that writes the episodes; running it again changes nothing.
 */
export async function recordLivedDays(
  tx: Pick<Transaction, "execute">,
  changed: { connectionId: string; since: Date }[],
): Promise<void> {
  if (changed.length === 0) return;
  await tx.execute(sql`
    update ${episodes} set lived_days = lived.days from (
      select episode.id, (extract(epoch from broke_at - greatest(
        (select connected_since from ${connections} as connection where connection.id = episode.connection_id and connected_since < broke_at),
        (select before.ended_at from ${episodes} as before where before.connection_id = episode.connection_id and before.broke_at < episode.broke_at
          order by before.broke_at desc limit 1),
        (select max(session.ended_at) from ${portalSessions} as session where session.connection_id = episode.connection_id
          and outcome = 'fixed' and session.ended_at < broke_at))) / 86400)::float8 as days
      from ${recordset("changed", { connectionId: "uuid", since: "timestamptz" }, changed)}
      join ${episodes} as episode on episode.connection_id = changed."connectionId"
      where episode.connection_id = any(${uuids(changed.map(({ connectionId }) => connectionId))})
        and (ended_at is null or ended_at >= changed.since)
    ) as lived
    where ${episodes}.id = lived.id and ${episodes}.lived_days is distinct from lived.days`);
}

/**
 * How long connections worked before they broke, by brokerage id; only for brokerages with enough episodes.
 * Only the newest 1,000 of each brokerage count: they show how long its access lasts now, and the cost
 * doesn't grow with the history.
 */
export async function listLifetimes(): Promise<Map<string, Lifetimes>> {
  const db = await database();
  const found: unknown = await db.execute(sql`
    select brokerage.id, recent.days from ${brokerages} as brokerage cross join lateral (
      select count(*) as count, percentile_cont(array[${sql.raw(shares.join(","))}]::float8[]) within group (order by lived_days) as days
      from (
        select lived_days from ${episodes} where brokerage_id = brokerage.id and lived_days > 0
        order by broke_at desc limit ${sql.raw(String(maxEpisodes))}
      ) as newest
    ) as recent where recent.count >= ${minEpisodes}`);
  const { rows } = found as { rows: { id: string; days: Lifetimes }[] };
  return new Map(rows.map(({ id, days }) => [id, days.map(Number)]));
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
