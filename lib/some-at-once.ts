import { describeError, log } from "./log";
import { withinTime } from "./time-limit";

interface Pace {
  atOnce: number;
  /** What has not begun by then is left for the next time. */
  withinMs: number;
  /** How long one item may take; it counts as failed then, and the next one has its turn. So the whole ends after both together. */
  eachWithinMs?: number;
}

const usualEachWithinMs = 30_000;

/**
 * Does `work` for each item, a few at a time and in their order, until the time is up or one of them says "stop".
 * What one throws is logged and stops no other one's turn, and neither does one that hangs; its work may then end late, unattended.
 * @returns the items whose work threw or hung
 */
export async function someAtOnce<T>(items: readonly T[], pace: Pace, work: (item: T) => Promise<unknown>): Promise<T[]> {
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
