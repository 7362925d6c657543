import "server-only";
import { forEachConcurrently } from "@/lib/base/for-each-concurrently";
import { look } from "./look";
import { listRefused } from "@/lib/connections/observations/gone";

const maxPerRound = 20;
const pace = { atOnce: 2, withinMs: 10_000 };

/**
 * Tries refused secrets again, at growing intervals (docs/snaptrade.md §8.18); one success ends the refusal.
 * @returns how many SnapTrade accepts again
 */
export async function askRefusedAgain(now: Date): Promise<number> {
  let accepted = 0;
  await forEachConcurrently(await listRefused(now, maxPerRound), pace, async (userId) => {
    const result = await look(userId, now, "timer");
    if (!result.looked && result.reason === "busy") return "stop";
    if (result.looked) accepted++;
  });
  return accepted;
}
