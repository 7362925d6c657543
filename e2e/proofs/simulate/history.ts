import { brokerageSlugs, makeAction, makeGathered } from "./makers";
import { seconds, type Random } from "./random";

export type Login =
  "good" | "same-login" | "wrong-password" | "other-login" | "unreachable" | "liar" | "hang" | "says-so";

/** How a person goes through the portal once it is open. */
export interface Trip {
  login: Login;
  /** From the open portal to the sign-in. */
  thinkMs: number;
  /** Walks away instead of signing in. */
  abandons: boolean;
  /** Clicks again before the portal is there, or opens a second tab later on and closes that one. */
  again: "no" | "double-click" | "second-tab";
  againMs: number;
  /** The browser says nothing, as if it was closed; or it says what happened. */
  tells: boolean;
  /** How long the open page goes on asking. */
  patienceMs: number;
  /** The connection breaks again so long after a sign-in that worked; 0 for never. */
  breaksAgainMs: number;
  /** Through the reconnect of a connection that works, to sign in early. */
  renews: boolean;
}

export type NetworkKind =
  "lost" | "5xx" | "html" | "hang" | "drip" | "slow" | "refuses-user" | "limit" | "removals-lost" | "lags";
export type DatabaseKind =
  "drop" | "silent" | "breaks" | "silences" | "away-refused" | "away-silent" | "slow";
export type HookKind = "lost" | "late" | "doubled" | "held" | "retried-late";
export type MailKind = "refused" | "hang" | "answer-lost";

/**
 * One thing that happens; everything about it is decided beforehand, so that it can be left out without
 * changing the others.
 */
export type Action = { at: number } & (
  | { action: "break" | "repair" | "delete-there" | "remove"; person: number; nth: number }
  | { action: "flap"; person: number; nth: number; ms: number; againMs: number }
  | { action: "incident"; brokerage: string }
  | { action: "maintenance"; brokerage: string; ms: number }
  | { action: "visit"; person: number; ms: number }
  | { action: "check-now"; person: number }
  | { action: "reconnect"; person: number; nth: number; trip: Trip }
  | { action: "connect"; person: number; brokerage: string; trip: Trip }
  | { action: "forget"; person: number }
  | { action: "arrive"; person: number }
  | { action: "hammer"; person: number; ms: number }
  | { action: "heartbeats"; person: number; nth: number; daysAgo: number[] }
  | {
      action: "odd-webhook";
      person: number;
      kind: "forged" | "not-json" | "surrogate" | "year-0" | "future" | "foreign";
    }
  | { action: "account-leaves"; person: number; nth: number }
  | { action: "timer-stops"; ms: number }
  | { action: "kill"; process: number; ms: number }
  | { action: "freeze"; process: number; ms: number }
  | { action: "network"; kind: NetworkKind; ms: number; share: number }
  | { action: "database"; kind: DatabaseKind; ms: number; share: number }
  | { action: "webhooks"; kind: HookKind; ms: number }
  | { action: "mail"; kind: MailKind; ms: number }
);

export interface History {
  people: number;
  /** Brokerages of each person's connections at the beginning, and whether they work. */
  connections: { brokerage: string; broken: boolean }[][];
  processes: number;
  /** Each process has a timer of its own; else one scheduler asks any of them. */
  ownTimers: boolean;
  /** Requests that SnapTrade takes in a minute. */
  rateLimit: number;
  /** How far clocks are ahead: SnapTrade's, the database's, each process's. */
  clocksAheadMs: { snapTrade: number; database: number; processes: number[] };
  troubleMs: number;
  quietMs: number;
  actions: Action[];
}

/** After so long without trouble everything must have come true. */
export const settleMs = 5.5 * 60_000;

/** Long enough for the e-mails about the breaks of its first minute. */
const gatheredMs = 13 * 60_000;

/**
 * How long trouble and the quiet after it last. Most histories are brief and end before everything must have
 * come true.
 */
function spans(random: Random, days: number): Pick<History, "troubleMs" | "quietMs"> {
  if (days > 0) return { troubleMs: days * 86_400_000, quietMs: settleMs };
  const dice = random.next();
  if (dice < 0.01) return { troubleMs: seconds(random, 720, 1_200), quietMs: settleMs };
  if (dice > 0.95) return { troubleMs: gatheredMs, quietMs: 20_000 };
  if (dice < 0.15) return { troubleMs: seconds(random, 100, 220), quietMs: settleMs };
  return { troubleMs: seconds(random, 28, 58), quietMs: 12_000 };
}

/** A history of a seed. @param people 0 for as many as the seed says */
export function makeHistory(random: Random, people = 0, days = 0): History {
  const count = people || random.between(2, 3);
  const { troubleMs, quietMs } = spans(random, days);
  const skew = (most: number) => (random.chance(0.6) ? 0 : random.between(-most, most));
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
  const density = quietMs < settleMs ? random.between(60, 180) : random.between(20, 70);
  const actions = days > 0 ? density * days * 3 : Math.ceil((density * troubleMs) / 600_000);
  for (let index = 0; index < actions; index++)
    history.actions.push(...makeAction(random, random.between(10_000, troubleMs), history));
  history.actions.sort((one, other) => one.at - other.at);
  return history;
}

/** In words, for a report. */
export function describeAction({ at, action, ...rest }: Action): string {
  const words = Object.entries(rest).map(
    ([name, value]) => `${name} ${typeof value === "object" ? JSON.stringify(value) : String(value)}`,
  );
  return `${(at / 1000).toFixed(1).padStart(7)} s  ${action}  ${words.join(", ")}`;
}
