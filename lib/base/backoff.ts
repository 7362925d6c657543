const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const steps = [10 * second, minute, 5 * minute, 30 * minute, 2 * hour, 12 * hour, 24 * hour];

/**
 * The delay before asking SnapTrade again, in milliseconds: from ten seconds at step 0 to a day from step 6
 * on.
 */
export function growingGapMs(step: number): number {
  return steps[Math.min(Math.max(step, 0), steps.length - 1)] ?? 24 * hour;
}

/**
 * The delay after a failed attempt, in milliseconds: `firstMs` after the first attempt, tripling each time
 * after that.
 */
export function backoffMs(attempts: number, firstMs: number): number {
  return firstMs * 3 ** (attempts - 1);
}
