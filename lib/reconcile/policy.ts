import type { WatchedConnection } from "@/lib/connections/observations/lifetimes";

const dayMs = 86_400_000;

/**
 * What is assumed of a brokerage that we know nothing of: access lasts some weeks (docs/snaptrade.md §3.6).
 */
const usualRiskPerDay = 1 / 30;
const minRiskPerDay = usualRiskPerDay / 20;

/**
 * How likely this connection is to break, per day, at its present age: from the brokerage's own history.
 * Past the oldest age in the history it stays as likely as at its end.
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
 * The share of the background's looks that goes to whoever was not looked at for longest, whatever their
 * risk.
 */
export const floorShare = 0.55;
/** Nobody is looked at by the timer more often than this, however likely a break is. */
const shortestMs = 60_000;
/** With nothing that works there is no break to find; only a repair that we missed. */
const nothingToLose = 10;

/**
 * How long to wait until the next look at a person, in milliseconds. Undetected time costs risk × time, so
 * with a fixed number of looks the waits must go by 1 / √risk; the period scales them to what the budget can
 * do.
 * @param periodMs how long it takes to look at every watched person once
 */
export function waitFor(connections: WatchedConnection[], periodMs: number, now: Date): number {
  const risk = connections.reduce((sum, connection) => sum + riskPerDay(connection, now), 0);
  const weight = risk === 0 ? nothingToLose : Math.min(Math.max(Math.sqrt(usualRiskPerDay / risk), 0.2), 4);
  return Math.max(weight * periodMs, shortestMs);
}

/** A connection that gave its sign of life each day counts as silent only after this many of them. */
export const heartbeatsToJudge = 3;
export const silenceFactor = 1.25;
export const silenceSlackMs = 3_600_000;

/**
 * From when on a connection counts as silent, judged by its own past rhythm; null where there is none to
 * judge by, or where the sign of life was due before we were there to hear it.
 * @param gapMs its usual time between two signs of life
 * @param upSince since when we have been there without a break
 */
export function silentAt(
  { heartbeats, lastHeartbeatAt, gapMs }: { heartbeats: number; lastHeartbeatAt: Date; gapMs: number },
  upSince: Date,
): Date | null {
  if (heartbeats < heartbeatsToJudge) return null;
  const dueAt = lastHeartbeatAt.getTime() + gapMs;
  return dueAt < upSince.getTime() ? null : new Date(dueAt + gapMs * (silenceFactor - 1) + silenceSlackMs);
}

/** Who could be looked at, each list in its own order, best first; a person may be in several. */
export interface Candidates {
  /** In the portal right now, or just back. */
  inPortal: string[];
  /** Something contradicts what we know. */
  due: string[];
  silent: string[];
  /** By the time of their next look, as waitFor told it. */
  risky: string[];
  /** By the time of their last look. */
  stalest: string[];
}

/**
 * Whom to look at, in this order, with room for so many: the portal, contradictions, silence, then risk and
 * the stalest side by side. The stalest get their share of what is left in any case; that is what the bound
 * rests on.
 */
export function chooseLooks({ inPortal, due, silent, risky, stalest }: Candidates, room: number): string[] {
  const chosen = new Set<string>();
  const floor = Math.ceil(room * floorShare);
  const take = (list: string[], most: number) => {
    for (const userId of list) {
      if (chosen.size >= most) return;
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
 * A break whose webhook is lost is found after at most this long, in milliseconds: the stalest get their
 * share of the looks.
 * @param watched people with a connection that works
 * @param looksPerMinute what the background may do
 */
export function boundMs(watched: number, looksPerMinute: number): number {
  return (watched / (looksPerMinute * floorShare)) * 60_000;
}
