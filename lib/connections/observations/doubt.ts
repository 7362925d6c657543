import type { Observation, Projection } from "./project";

/** How closely we know SnapTrade's clock. */
const clockMs = 1_000;
/** A read may lag behind an event by this much (docs/snaptrade.md §8.2). */
const readLagMs = 60_000;
const readAgainMs = 10_000;

/**
 * Whether SnapTrade has to be asked again, because it is unclear which of two contradicting observations is
 * newer.
 * @param history all observations of the connection that we keep, including the latest
 * @returns milliseconds to wait until a new answer can clear it up; null when nothing is in doubt
 */
export function doubtOf(seen: Observation, history: Observation[], projection: Projection): number | null {
  if (projection.state === "deleted") return null;
  const contrary = history.filter(({ state }) => state !== seen.state);
  const overlapping = contrary.filter((other) => overlap(seen, other));
  const waits = overlapping.map((other) => clearAfterMs(seen, other));
  if (seen.observedAt < projection.observedAt && seen.state !== projection.state) waits.push(0);
  if (seen.answeredAt && contrary.some((other) => other.source === "webhook" && isJustBefore(other, seen)))
    waits.push(readAgainMs);
  return waits.length > 0 ? Math.min(...waits) : null;
}

/** A read was true at some moment between question and answer; an event has an exact timestamp. */
const endOf = ({ observedAt, answeredAt }: Observation) => (answeredAt ?? observedAt).getTime();

function overlap(one: Observation, other: Observation): boolean {
  return one.observedAt.getTime() <= endOf(other) && other.observedAt.getTime() <= endOf(one);
}

/**
 * Milliseconds until a new read begins after both intervals, and therefore clears up which state is newer.
 */
function clearAfterMs(seen: Observation, other: Observation): number {
  const clearFrom = Math.max(seen.observedAt.getTime(), other.observedAt.getTime()) + 2 * clockMs;
  const now = (seen.answeredAt ?? seen.observedAt).getTime();
  return Math.min(Math.max(clearFrom - now, 0), 2 * clockMs);
}

function isJustBefore(event: Observation, read: Observation): boolean {
  const passed = read.observedAt.getTime() - event.observedAt.getTime();
  return passed >= 0 && passed <= readLagMs;
}
