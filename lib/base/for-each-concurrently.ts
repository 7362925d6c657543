import { describeError, log } from "./log";
import { withinTime } from "./time-limit";

interface Pace {
  atOnce: number;
  /** What has not begun by then is left for the next time. */
  withinMs: number;
  /**
   * How long one item may take; after that it counts as failed and the next one starts. The whole ends after
   * both limits together.
   */
  eachWithinMs?: number;
}

const usualEachWithinMs = 30_000;

/**
 * Does `work` for each item, a few at a time and in their order, until the time is up or one of them says
 * "stop". An item that throws or hangs is logged and doesn't stop the others; the work of one that hangs may
 * end late, unattended.
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
        log.error(describeError(error), "One of several ended unexpectedly; the others go on");
      }
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker));
  return failed;
}
