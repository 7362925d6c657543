import { describeError, log } from "./log";
import { withinTime } from "./time-limit";

interface Pace {
  atOnce: number;
  /** Items that have not started by then are left for the next call. */
  withinMs: number;
  /**
   * The time limit per item; after that the item counts as failed and the next one starts. The call returns
   * within both limits combined.
   */
  eachWithinMs?: number;
}

const usualEachWithinMs = 30_000;

/**
 * Runs `work` for each item in order, a few at a time, until the time is up or one returns "stop". An item
 * that throws or hangs is logged and doesn't stop the others; work that hangs may finish late, unattended.
 * @returns the items whose work threw or hung
 */
export async function forEachConcurrently<T>(
  items: readonly T[],
  pace: Pace,
  work: (item: T) => Promise<unknown>,
): Promise<T[]> {
  const { atOnce, withinMs, eachWithinMs = usualEachWithinMs } = pace;
  const endsAt = Date.now() + withinMs;
  const queue = [...items];
  const failed: T[] = [];
  async function worker() {
    for (let item = queue.shift(); item !== undefined && Date.now() < endsAt; item = queue.shift()) {
      try {
        if ((await withinTime(eachWithinMs, () => work(item))) === "stop") queue.length = 0;
      } catch (error) {
        failed.push(item);
        log.error(describeError(error), "One of several items failed; continuing with the others");
      }
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker));
  return failed;
}
