import type { Action, History } from "./actions";
import { makeCompany } from "./company";
import { brokerageSlugs, makeAction, makeGathered } from "./makers";
import { seconds, type Random } from "./random";

/** After this long without trouble, everything must be true. */
export const recoveryMs = 5.5 * 60_000;

/** Long enough for the e-mails about breaks in its first minute. */
const gatheredMs = 13 * 60_000;

/**
 * How long trouble and the quiet after it last. Most histories are short and end before everything must be
 * true.
 */
function spans(random: Random, days: number): Pick<History, "troubleMs" | "quietMs"> {
  if (days > 0) return { troubleMs: days * 86_400_000, quietMs: recoveryMs };
  const dice = random.next();
  if (dice < 0.01) return { troubleMs: seconds(random, 720, 1_200), quietMs: recoveryMs };
  if (dice > 0.95) return { troubleMs: gatheredMs, quietMs: 20_000 };
  if (dice < 0.15) return { troubleMs: seconds(random, 100, 220), quietMs: recoveryMs };
  return { troubleMs: seconds(random, 28, 58), quietMs: 20_000 };
}

/** Makes a seed's history. @param people 0 for as many as the seed decides */
export function makeHistory(random: Random, people = 0, days = 0): History {
  const count = people || random.between(2, 3);
  const { troubleMs, quietMs } = spans(random, days);
  const skew = (max: number) => (random.chance(0.6) ? 0 : random.between(-max, max));
  const processes = random.chance(0.75) ? 2 : 1;
  const history: History = {
    people: count,
    connections: Array.from({ length: count + 1 }, () =>
      Array.from({ length: random.between(1, 3) }, () => ({
        brokerage: random.pick(brokerageSlugs),
        broken: random.chance(0.2),
      })),
    ),
    processes,
    ownTimers: random.chance(0.25),
    rateLimit: random.chance(0.2) ? 250 : 120,
    clocksAheadMs: {
      snapTrade: skew(170_000),
      database: skew(30_000),
      processes: Array.from({ length: processes }, () => skew(random.chance(0.7) ? 1_500 : 60_000)),
    },
    troubleMs,
    quietMs,
    actions: [],
  };
  if (troubleMs === gatheredMs) return { ...history, actions: makeGathered(random, history) };
  const density = quietMs < recoveryMs ? random.between(60, 180) : random.between(20, 70);
  const actions = days > 0 ? density * days * 3 : Math.ceil((density * troubleMs) / 600_000);
  for (let index = 0; index < actions; index++)
    history.actions.push(...makeAction(random, random.between(10_000, troubleMs), history));
  if (random.chance(0.5)) history.actions.push(...makeCompany(random, history));
  history.actions.sort((one, other) => one.at - other.at);
  return history;
}

/** Describes an action in words, for a report. */
export function describeAction({ at, action, ...rest }: Action): string {
  const words = Object.entries(rest).map(
    ([name, value]) => `${name} ${typeof value === "object" ? JSON.stringify(value) : String(value)}`,
  );
  return `${(at / 1000).toFixed(1).padStart(7)} s  ${action}  ${words.join(", ")}`;
}
