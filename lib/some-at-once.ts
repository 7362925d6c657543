import { describeError, log } from "./log";

interface Pace {
  atOnce: number;
  /** What has not begun by then is left for the next time. */
  withinMs: number;
}

/**
 * Does `work` for each item, a few at a time and in their order, until the time is up or one of them says "stop".
 * What one throws is logged and stops no other one's turn.
 * @returns the items whose work threw
 */
export async function someAtOnce<T>(items: readonly T[], { atOnce, withinMs }: Pace, work: (item: T) => Promise<unknown>): Promise<T[]> {
  const endsAt = Date.now() + withinMs;
  const queue = [...items];
  const failed: T[] = [];
  async function worker() {
    for (let item = queue.shift(); item !== undefined && Date.now() < endsAt; item = queue.shift()) {
      try {
        if ((await work(item)) === "stop") queue.length = 0;
      } catch (error) {
        failed.push(item);
        log.error(describeError(error), "One of several ended unexpectedly; the others go on");
      }
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker));
  return failed;
}
