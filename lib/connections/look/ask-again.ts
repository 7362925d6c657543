import "server-only";
import { forEachConcurrently } from "@/lib/base/for-each-concurrently";
import { look } from "./look";
import { listRefused } from "@/lib/connections/observations/snaptrade-user";

const maxPerRound = 20;
const pace = { atOnce: 2, withinMs: 10_000 };

/**
 * Asks SnapTrade again about people whose secret it refused, at growing intervals; one success ends the
 * refusal.
 * @returns how many are accepted again
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
