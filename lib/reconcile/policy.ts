import type { WatchedConnection } from "@/lib/connections/observations/lifetimes";

const dayMs = 86_400_000;

/** The assumed risk at a brokerage without a history: access lasts some weeks (docs/snaptrade.md §3.6). */
const usualRiskPerDay = 1 / 30;
const minRiskPerDay = usualRiskPerDay / 20;

/**
 * The probability per day that this connection breaks at its current age, from the brokerage's own history.
 * Past the oldest age in the history, the risk stays constant.
 */
export function riskPerDay({ enabled, worksSince, lifetimes }: WatchedConnection, now: Date): number {
  if (!enabled) return 0;
  if (!lifetimes || !worksSince) return usualRiskPerDay;
  const age = (now.getTime() - worksSince.getTime()) / dayMs;
  const share = 1 / (lifetimes.length + 1);
  const broken = lifetimes.filter((days) => days <= age).length;
  const from = lifetimes[broken - 1] ?? 0;
  const to = lifetimes[broken] ?? from * 1.2 + 1;
  const surviving = 1 - Math.min(broken, lifetimes.length) * share;
  return Math.max(share / Math.max(to - from, 0.25) / Math.max(surviving, share), minRiskPerDay);
}

/**
 * The share of the background's looks reserved for the people who were looked at longest ago, whatever their
 * risk.
 */
export const floorShare = 0.55;
/** The timer never looks at anyone more often than this, however likely a break is. */
const minWaitMs = 60_000;
/**
 * The weight of people without working connections: there is no break to find, only a repair that we missed.
 */
const nothingToLose = 10;

/**
 * The wait until the next look at a person, in milliseconds. Undetected time costs risk × time, so with a
 * fixed number of looks the optimal wait is proportional to 1 / √risk; the period scales it to the budget.
 * @param periodMs how long it takes to look at every watched person once
 */
export function waitFor(connections: WatchedConnection[], periodMs: number, now: Date): number {
  const risk = connections.reduce((sum, connection) => sum + riskPerDay(connection, now), 0);
  const weight = risk === 0 ? nothingToLose : Math.min(Math.max(Math.sqrt(usualRiskPerDay / risk), 0.2), 4);
  return Math.max(weight * periodMs, minWaitMs);
}

/** How many heartbeats a connection must have had before it can count as silent. */
const heartbeatsToJudge = 3;
export const silenceFactor = 1.25;
export const silenceSlackMs = 3_600_000;

/**
 * The time from which a connection counts as silent, judged by its own past rhythm (docs/snaptrade.md §8.6).
 * Null if it has no rhythm yet, or if the heartbeat was due before we were up to receive it.
 * @param gapMs its usual time between two heartbeats
 * @param upSince since when we have been up without a gap
 */
export function silentAt(
  { heartbeats, lastHeartbeatAt, gapMs }: { heartbeats: number; lastHeartbeatAt: Date; gapMs: number },
  upSince: Date,
): Date | null {
  if (heartbeats < heartbeatsToJudge) return null;
  const dueAt = lastHeartbeatAt.getTime() + gapMs;
  return dueAt < upSince.getTime() ? null : new Date(dueAt + gapMs * (silenceFactor - 1) + silenceSlackMs);
}

/** The candidates for a look; each list is ordered best first, and a person may be in several. */
export interface Candidates {
  /** In the portal now, or just back. */
  inPortal: string[];
  /** A look was requested, because something contradicts what we know. */
  due: string[];
  silent: string[];
  /** By the time of their next look, as set by waitFor. */
  risky: string[];
  /** By the time of their last look. */
  stalest: string[];
}

/**
 * Chooses whom to look at, at most `room` people: first people in the portal, then requested looks, then
 * silence, then risk and the stalest side by side. The stalest always get their share of the room, which
 * boundMs relies on.
 */
export function chooseLooks({ inPortal, due, silent, risky, stalest }: Candidates, room: number): string[] {
  const chosen = new Set<string>();
  const floor = Math.ceil(room * floorShare);
  const take = (list: string[], maxSize: number) => {
    for (const userId of list) {
      if (chosen.size >= maxSize) return;
      chosen.add(userId);
    }
  };
  for (const list of [inPortal, due, silent]) take(list, room - Math.min(floor, stalest.length));
  const urgent = chosen.size;
  take(stalest, Math.min(room, urgent + floor));
  for (const list of [risky, inPortal, due, silent, stalest]) take(list, room);
  return [...chosen];
}

/**
 * The maximum time until a break with a lost webhook is found, in milliseconds, given the stalest's share of
 * the looks.
 * @param watched how many people have a working connection
 * @param looksPerMinute the background's maximum
 */
export function boundMs(watched: number, looksPerMinute: number): number {
  return (watched / (looksPerMinute * floorShare)) * 60_000;
}
