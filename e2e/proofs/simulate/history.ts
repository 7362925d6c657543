import type { Random } from "./random";

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
  "lost" | "5xx" | "html" | "hang" | "drip" | "slow" | "refuses-user" | "limit" | "removals-lost";
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

export const brokerageSlugs = ["QUESTRADE", "WEALTHSIMPLETRADE", "SCHWAB", "KRAKEN", "VANGUARD"];
/** After so long without trouble everything must have come true. */
export const settleMs = 5.5 * 60_000;

/**
 * How long trouble and the quiet after it last. Most histories are brief and end before everything must have
 * come true.
 */
function spans(random: Random, days: number): Pick<History, "troubleMs" | "quietMs"> {
  if (days > 0) return { troubleMs: days * 86_400_000, quietMs: settleMs };
  const dice = random.next();
  if (dice < 0.01) return { troubleMs: seconds(random, 720, 1_200), quietMs: settleMs };
  if (dice < 0.15) return { troubleMs: seconds(random, 100, 220), quietMs: settleMs };
  return { troubleMs: seconds(random, 35, 90), quietMs: 20_000 };
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
  const density = quietMs < settleMs ? random.between(60, 180) : random.between(20, 70);
  const actions = days > 0 ? density * days * 3 : Math.ceil((density * troubleMs) / 600_000);
  for (let index = 0; index < actions; index++)
    history.actions.push(...makeAction(random, random.between(10_000, troubleMs), history));
  history.actions.sort((one, other) => one.at - other.at);
  return history;
}

type Maker = (random: Random, at: number, history: History) => Action[];

const seconds = (random: Random, low: number, high: number) => random.between(low * 1000, high * 1000);
const someone = (random: Random, { people }: History) => random.between(0, people - 1);
const nth = (random: Random) => random.between(0, 3);

function trip(random: Random, intent: "connect" | "reconnect"): Trip {
  const logins: Login[] = [
    "good",
    "good",
    "good",
    "wrong-password",
    "unreachable",
    "liar",
    "hang",
    "says-so",
    "says-so",
    intent === "connect" ? "same-login" : "other-login",
  ];
  const again = random.chance(0.25) ? random.pick(["double-click", "second-tab"] as const) : "no";
  const thinks = random.next();
  return {
    login: random.pick(logins),
    thinkMs:
      again === "second-tab"
        ? seconds(random, 15, 60)
        : thinks < 0.1
          ? seconds(random, 120, 290)
          : thinks < 0.5
            ? seconds(random, 1, 8)
            : seconds(random, 8, 40),
    abandons: random.chance(0.15),
    again,
    againMs: again === "double-click" ? random.between(1, 500) : seconds(random, 5, 30),
    tells: random.chance(0.8),
    patienceMs: seconds(random, 10, 120),
    breaksAgainMs: random.chance(0.2) ? random.between(1, 20_000) : 0,
    renews: intent === "reconnect" && random.chance(0.1),
  };
}

/** Each with how often it comes, relative to the others. */
const makers: [number, Maker][] = [
  [8, (random, at, history) => [{ at, action: "break", person: someone(random, history), nth: nth(random) }]],
  [4, (random, at, history) => [{ at, action: "repair", person: someone(random, history), nth: nth(random) }]],
  [3, (random, at, history) => [{ at, action: "flap", person: someone(random, history), nth: nth(random), ms: random.between(1, 20_000), againMs: random.chance(0.5) ? random.between(1, 20_000) : 0 }]],
  [1, (random, at, history) => [{ at, action: "delete-there", person: someone(random, history), nth: nth(random) }]],
  [1, (random, at) => [{ at, action: "incident", brokerage: random.pick(brokerageSlugs) }]],
  [1, (random, at) => [{ at, action: "maintenance", brokerage: random.pick(brokerageSlugs), ms: seconds(random, 30, 300) }]],
  [6, (random, at, history) => [{ at, action: "visit", person: someone(random, history), ms: seconds(random, 5, 240) }]],
  [3, (random, at, history) => [{ at, action: "check-now", person: someone(random, history) }]],
  [8, makeReconnect],
  [4, makeConnect],
  [1.5, makeOvertaken],
  [1, (random, at, history) => [{ at, action: "remove", person: someone(random, history), nth: nth(random) }]],
  [0.5, (random, at, history) => [{ at, action: "forget", person: someone(random, history) }]],
  [0.7, (_, at, history) => [{ at, action: "arrive", person: history.people }]],
  [1.2, makeHammer],
  [2, makeHeartbeats],
  [1.5, (random, at, history) => [{ at, action: "odd-webhook", person: someone(random, history), kind: random.pick(["forged", "not-json", "surrogate", "year-0", "future", "foreign"] as const) }]],
  [1.5, (random, at, { processes }) => [{ at, action: "kill", process: random.between(0, processes - 1), ms: seconds(random, 1, 60) }]],
  [0.7, (random, at, { processes }) => [{ at, action: "freeze", process: random.between(0, processes - 1), ms: seconds(random, 1, 40) }]],
  [4, (random, at) => [{ at, action: "network", kind: random.pick(["lost", "5xx", "html", "hang", "drip", "slow", "slow", "slow", "refuses-user", "limit", "removals-lost"] as const), ms: seconds(random, 5, 120), share: random.pick([0.1, 0.3, 0.6, 1]) }]],
  [2.5, (random, at) => [{ at, action: "database", kind: random.pick(["drop", "silent", "breaks", "silences", "away-refused", "away-silent", "slow"] as const), ms: seconds(random, 5, 90), share: random.pick([0.02, 0.1, 0.4]) }]],
  [3, (random, at) => [{ at, action: "webhooks", kind: random.pick(["lost", "late", "doubled", "held", "retried-late"] as const), ms: seconds(random, 10, 180) }]],
  [1, (random, at) => [{ at, action: "mail", kind: random.pick(["refused", "hang", "answer-lost"] as const), ms: seconds(random, 30, 240) }]],
]; // prettier-ignore

/** Mostly of something that has just stopped working. */
function makeReconnect(random: Random, at: number, history: History): Action[] {
  const [person, index] = [someone(random, history), nth(random)];
  const reconnect: Action = { at, action: "reconnect", person, nth: index, trip: trip(random, "reconnect") };
  return random.chance(0.6)
    ? [{ at: at - random.between(1, 9_000), action: "break", person, nth: index }, reconnect]
    : [reconnect];
}

/** A slow answer that is overtaken by a break. */
function makeOvertaken(random: Random, at: number, history: History): Action[] {
  const person = someone(random, history);
  return [
    { at, action: "network", kind: "slow", ms: seconds(random, 4, 10), share: 1 },
    { at: at + 100, action: "check-now", person },
    { at: at + random.between(1_700, 6_000), action: "break", person, nth: nth(random) },
  ];
}

/** Often where they have a connection already. */
function makeConnect(random: Random, at: number, history: History): Action[] {
  const person = someone(random, history);
  const [own] = history.connections[person] ?? [];
  const brokerage = own && random.chance(0.5) ? own.brokerage : random.pick(brokerageSlugs);
  return [{ at, action: "connect", person, brokerage, trip: trip(random, "connect") }];
}

/** Signs of life: of the last days all at once, or far apart and one by one. */
function makeHeartbeats(random: Random, at: number, history: History): Action[] {
  const [person, index] = [someone(random, history), nth(random)];
  if (random.chance(0.5)) return [{ at, action: "heartbeats", person, nth: index, daysAgo: [3, 2, 1, 0] }];
  const gap = random.between(2, 40);
  return [2, 1, 0].map((turn) => ({
    at: at + (2 - turn) * 4_000,
    action: "heartbeats",
    person,
    nth: index,
    daysAgo: [turn * gap],
  }));
}

/** And somebody else who wants to know something meanwhile. */
function makeHammer(random: Random, at: number, history: History): Action[] {
  const [person, ms] = [someone(random, history), seconds(random, 4, 20)];
  const other = (person + 1) % history.people;
  return [
    { at, action: "hammer", person, ms },
    { at: at + ms - 1, action: "check-now", person: other },
  ];
}

function makeAction(random: Random, at: number, history: History): Action[] {
  let dice = random.next() * makers.reduce((sum, [weight]) => sum + weight, 0);
  const maker = makers.find(([weight]) => (dice -= weight) < 0) ?? makers[0];
  return maker ? maker[1](random, at, history) : [];
}

/** In words, for a report. */
export function describeAction({ at, action, ...rest }: Action): string {
  const words = Object.entries(rest).map(
    ([name, value]) => `${name} ${typeof value === "object" ? JSON.stringify(value) : String(value)}`,
  );
  return `${(at / 1000).toFixed(1).padStart(7)} s  ${action}  ${words.join(", ")}`;
}
