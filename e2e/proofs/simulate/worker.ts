import { makeGround } from "./ground";
import { historyOf, play, type Ground, type Result } from "./run";
import type { History } from "./history/actions";
import { shrink } from "./history/shrink";

export interface Order {
  seed: string;
  people: number;
  days: number;
  /** How long to spend shortening a failure; 0 for not at all. */
  shrinkMs: number;
  /** Replaces the history the seed would make. */
  history: History | null;
}

export interface Reply {
  result: Result;
  shortened: { history: History; result: Result } | null;
  /** CPU time since the last reply. */
  cpuMs: number;
}

const rehearsals = 2;
let ground: Ground | null = null;
let spentMs = 0;

async function obey({ seed, people, days, shrinkMs, history: given }: Order): Promise<Reply> {
  ground ??= await makeGround(process.env.SIMULATE_MUTATION ?? null, rehearsals);
  const history = given ?? historyOf(seed, people, days);
  const result = await play(ground, seed, history);
  const shortened = result.violation && shrinkMs > 0 ? await shrink(ground, result, history, shrinkMs) : null;
  const { user, system } = process.cpuUsage();
  const cpuMs = (user + system) / 1000 - spentMs;
  spentMs += cpuMs;
  return { result, shortened, cpuMs };
}

process.on("message", (order: Order) => {
  void obey(order).then(
    (reply) => process.send?.(reply),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.on("disconnect", () => process.exit(0));
