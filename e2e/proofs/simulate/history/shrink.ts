import type { History } from "./actions";
import { play, type Ground, type Result } from "../run";

/**
 * Removes as many actions from a failing history as possible while it still violates the same invariant,
 * until time is up.
 * @returns the shortened history and its result
 */
export async function shrink(
  ground: Ground,
  failed: Result,
  history: History,
  withinMs: number,
): Promise<{ history: History; result: Result }> {
  const endsAt = Date.now() + withinMs;
  let best = { history: cut(history, failed), result: failed };
  const attempt = async (candidate: History) => {
    const result = await play(ground, failed.seed, candidate);
    const same = result.violation?.invariant === failed.violation?.invariant;
    if (same) best = { history: candidate, result };
    return same;
  };
  for (let size = Math.ceil(best.history.actions.length / 2); size >= 1 && Date.now() < endsAt;) {
    let removed = false;
    for (let from = 0; from < best.history.actions.length && Date.now() < endsAt;) {
      const actions = best.history.actions.filter((_, index) => index < from || index >= from + size);
      if (actions.length < best.history.actions.length && (await attempt({ ...best.history, actions })))
        removed = true;
      else from += size;
    }
    if (size > 1) size = Math.ceil(size / 2);
    else if (!removed) break;
  }
  await simplify(best.history, attempt, endsAt);
  return best;
}

/** Actions after the violation can't have caused it. */
function cut(history: History, { violation }: Result): History {
  const at = violation?.at ?? Number.POSITIVE_INFINITY;
  return { ...history, actions: history.actions.filter((action) => action.at <= at) };
}

async function simplify(history: History, attempt: (candidate: History) => Promise<boolean>, endsAt: number) {
  const clocksAheadMs = { snapTrade: 0, database: 0, processes: [] };
  let best = history;
  for (const change of [
    { clocksAheadMs },
    { processes: 1 },
    { ownTimers: false },
  ] satisfies Partial<History>[]) {
    const candidate = { ...best, actions: best.actions, ...change };
    if (Date.now() < endsAt && (await attempt(candidate))) best = candidate;
  }
}
