import { makeGround } from "./ground";
import { historyOf, play, type Ground, type Result } from "./run";
import type { History } from "./history";
import { shrink } from "./shrink";

export interface Order {
  seed: string;
  people: number;
  days: number;
  /** How long a failure may be shortened; 0 for not at all. */
  shrinkMs: number;
  /** In place of the one that the seed would make. */
  history: History | null;
}

export interface Reply {
  result: Result;
  shortened: { history: History; result: Result } | null;
}

/** A database that was used this often is made anew: what is deleted stays in it and makes it slow. */
const runsPerGround = 150;

let ground: Ground | null = null;
let runs = 0;

async function obey({ seed, people, days, shrinkMs, history: given }: Order): Promise<Reply> {
  if (runs++ % runsPerGround === 0) {
    await ground?.pglite.close();
    ground = await makeGround(process.env.SIMULATE_MUTATION ?? null);
  }
  if (!ground) throw new Error("There is no ground");
  const history = given ?? historyOf(seed, people, days);
  const result = await play(ground, seed, history);
  return {
    result,
    shortened: result.violation && shrinkMs > 0 ? await shrink(ground, result, history, shrinkMs) : null,
  };
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
