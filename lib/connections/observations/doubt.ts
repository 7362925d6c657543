import type { Observation, Projection } from "./project";

/** We know SnapTrade's clock to within about a second. */
const clockMs = 1_000;
/** A read this soon after an event that contradicts it may lag behind it (docs/snaptrade.md §8.2). */
const readLagMs = 60_000;
const readAgainMs = 10_000;

/**
 * Whether the latest statement leaves it unclear which one is newest, so that SnapTrade has to be asked
 * again.
 * @param history all that is known about the connection, including the latest statement
 * @returns how many milliseconds to wait before a new answer can settle it; null when nothing is in doubt
 */
export function doubtOf(seen: Observation, history: Observation[], projection: Projection): number | null {
  if (projection.state === "deleted") return null;
  const contrary = history.filter(({ state }) => state !== seen.state);
  const overlapping = contrary.filter((other) => overlap(seen, other));
  const waits = overlapping.map((other) => settledAfter(seen, other));
  if (seen.observedAt < projection.observedAt && seen.state !== projection.state) waits.push(0);
  if (seen.answeredAt && contrary.some((other) => other.source === "webhook" && isJustBefore(other, seen)))
    waits.push(readAgainMs);
  return waits.length > 0 ? Math.min(...waits) : null;
}

/** A read may have been true at any moment between question and answer; an event has an exact timestamp. */
const endOf = ({ observedAt, answeredAt }: Observation) => (answeredAt ?? observedAt).getTime();

function overlap(one: Observation, other: Observation): boolean {
  return one.observedAt.getTime() <= endOf(other) && other.observedAt.getTime() <= endOf(one);
}

/** A read settles it when it is asked after both intervals have begun. */
function settledAfter(seen: Observation, other: Observation): number {
  const clearFrom = Math.max(seen.observedAt.getTime(), other.observedAt.getTime()) + 2 * clockMs;
  const now = (seen.answeredAt ?? seen.observedAt).getTime();
  return Math.min(Math.max(clearFrom - now, 0), 2 * clockMs);
}

function isJustBefore(event: Observation, read: Observation): boolean {
  const passed = read.observedAt.getTime() - event.observedAt.getTime();
  return passed >= 0 && passed <= readLagMs;
}
