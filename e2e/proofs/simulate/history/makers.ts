import type { Action, History, Login, Visit } from "./actions";
import { seconds, type Random } from "./random";

export const brokerageSlugs = ["QUESTRADE", "WEALTHSIMPLETRADE", "SCHWAB", "KRAKEN", "VANGUARD"];

type Maker = (random: Random, at: number, history: History) => Action[];

const someone = (random: Random, { people }: History) => random.between(0, people - 1);
const nth = (random: Random) => random.between(0, 3);

/** How somebody uses the portal. */
export function makeVisit(random: Random, intent: "connect" | "reconnect"): Visit {
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
    reports: random.chance(0.8),
    patienceMs: seconds(random, 8, 30),
    breaksAgainMs: random.chance(0.2) ? random.between(1, 20_000) : 0,
    renews: intent === "reconnect" && random.chance(0.1),
  };
}

/** Each maker with its relative frequency. */
const makers: [number, Maker][] = [
  [8, (random, at, history) => [{ at, action: "break", person: someone(random, history), nth: nth(random) }]],
  [4, (random, at, history) => [{ at, action: "repair", person: someone(random, history), nth: nth(random) }]],
  [3, (random, at, history) => [{ at, action: "flap", person: someone(random, history), nth: nth(random), ms: random.between(1, 20_000), againMs: random.chance(0.5) ? random.between(1, 20_000) : 0 }]],
  [1, (random, at, history) => [{ at, action: "delete-there", person: someone(random, history), nth: nth(random) }]],
  [1, (random, at) => [{ at, action: "incident", brokerage: random.pick(brokerageSlugs) }]],
  [1, (random, at) => [{ at, action: "maintenance", brokerage: random.pick(brokerageSlugs), ms: seconds(random, 30, 300) }]],
  [6, (random, at, history) => [{ at, action: "open-page", person: someone(random, history), ms: seconds(random, 5, 240) }]],
  [3, (random, at, history) => [{ at, action: "check-now", person: someone(random, history) }]],
  [8, makeReconnect],
  [4, makeConnect],
  [1.5, makeOvertaken],
  [2, makeClaim],
  [0.8, makeLagging],
  [0.8, makeFlapping],
  [1, makeRepairedElsewhere],
  [1, (random, at, history) => [{ at, action: "remove", person: someone(random, history), nth: nth(random) }]],
  [0.5, (random, at, history) => [{ at, action: "forget", person: someone(random, history) }]],
  [0.7, (_, at, history) => [{ at, action: "arrive", person: history.people }]],
  [0.4, makeHammer],
  [2, makeHeartbeats],
  [1.5, (random, at, history) => [{ at, action: "odd-webhook", person: someone(random, history), kind: random.pick(["forged", "not-json", "surrogate", "year-0", "future", "foreign"] as const) }]],
  [1.5, (random, at, { processes }) => [{ at, action: "kill", process: random.between(0, processes - 1), ms: seconds(random, 1, 60) }]],
  [0.7, (random, at, { processes }) => [{ at, action: "freeze", process: random.between(0, processes - 1), ms: seconds(random, 1, 40) }]],
  [4, (random, at) => [{ at, action: "network", kind: random.pick(["lost", "5xx", "html", "hang", "drip", "slow", "slow", "slow", "refuses-user", "limit", "removals-lost"] as const), ms: seconds(random, 5, 120), share: random.pick([0.1, 0.3, 0.6, 1]) }]],
  [2.5, (random, at) => [{ at, action: "database", kind: random.pick(["drop", "silent", "breaks", "silences", "away-refused", "away-silent", "slow"] as const), ms: seconds(random, 5, 90), share: random.pick([0.02, 0.1, 0.4]) }]],
  [3, (random, at) => [{ at, action: "webhooks", kind: random.pick(["lost", "late", "doubled", "held", "retried-late"] as const), ms: seconds(random, 10, 180) }]],
  [1, (random, at) => [{ at, action: "mail", kind: random.pick(["refused", "hang", "answer-lost"] as const), ms: seconds(random, 30, 240) }]],
]; // prettier-ignore

/**
 * Mostly reconnects something that has just broken, sometimes with another page open, or with a login that
 * shares one account fewer.
 */
function makeReconnect(random: Random, at: number, history: History): Action[] {
  const [person, index] = [someone(random, history), nth(random)];
  const made: Action[] = [
    { at, action: "reconnect", person, nth: index, visit: makeVisit(random, "reconnect") },
  ];
  const broken = random.chance(0.6);
  const brokeAt = at - random.between(1, 9_000);
  if (broken) made.push({ at: brokeAt, action: "break", person, nth: index });
  if (random.chance(0.3))
    made.push({ at: at - 9_000, action: "open-page", person, ms: seconds(random, 20, 60) });
  if (broken && random.chance(0.25))
    made.push({ at: random.between(brokeAt, at), action: "account-leaves", person, nth: index });
  return made;
}

/** Success is only claimed, at a brokerage where the person has a working connection. */
function makeClaim(random: Random, at: number, history: History): Action[] {
  const person = someone(random, history);
  const held = history.connections[person]?.find(({ broken }) => !broken);
  if (!held) return makeConnect(random, at, history);
  const claims: Visit = {
    ...makeVisit(random, "connect"),
    login: "says-so",
    abandons: false,
    reports: true,
    thinkMs: seconds(random, 1, 8),
  };
  return [{ at, action: "connect", person, brokerage: held.brokerage, visit: claims }];
}

/** For some seconds, SnapTrade shows what it knew before a connection was made. */
function makeLagging(random: Random, at: number, history: History): Action[] {
  const person = someone(random, history);
  const signsIn: Visit = {
    ...makeVisit(random, "connect"),
    login: "good",
    abandons: false,
    again: "no",
    reports: true,
    thinkMs: 2_000,
    breaksAgainMs: 0,
  };
  const lagsAt = at + random.between(3_500, 9_000);
  return [
    { at, action: "connect", person, brokerage: random.pick(brokerageSlugs), visit: signsIn },
    { at: lagsAt, action: "network", kind: "lags", ms: seconds(random, 8, 20), share: 1 },
    { at: lagsAt + random.between(500, 5_000), action: "check-now", person },
  ];
}

/** One connection breaks again and again, which is not an incident. */
function makeFlapping(random: Random, at: number, history: History): Action[] {
  const [person, index] = [someone(random, history), nth(random)];
  const everyMs = seconds(random, 3, 6);
  return Array.from({ length: 6 }, (_, turn) => ({
    at: at + turn * everyMs, action: "flap", person, nth: index, ms: everyMs / 2, againMs: 0,
  })); // prettier-ignore
}

/** A connection is repaired elsewhere while its portal session is open and SnapTrade answers slowly. */
function makeRepairedElsewhere(random: Random, at: number, history: History): Action[] {
  const [person, index] = [someone(random, history), nth(random)];
  const waits: Visit = { ...makeVisit(random, "reconnect"), again: "no", thinkMs: 24_000, renews: false };
  return [
    { at: at - seconds(random, 2, 9), action: "break", person, nth: index },
    { at, action: "reconnect", person, nth: index, visit: waits },
    { at: at + 5_000, action: "network", kind: "slow", ms: 12_000, share: 1 },
    { at: at + random.between(7_000, 9_900), action: "repair", person, nth: index },
  ];
}

/**
 * Breaks of one person close together, a timer that stops until their e-mail is nearly due, people watching
 * meanwhile, and little else.
 */
export function makeGathered(random: Random, history: History): Action[] {
  const actions: Action[] = [{ at: 65_000, action: "timer-stops", ms: 530_000 }];
  for (let person = 0; person < history.people; person++) {
    const at = seconds(random, 12, 30);
    for (let index = 0; index < 3; index++)
      actions.push({ at: at + index * random.between(1_000, 15_000), action: "break", person, nth: index });
    if (random.chance(0.5))
      actions.push({
        at: seconds(random, 66, 300),
        action: "open-page",
        person,
        ms: seconds(random, 120, 240),
      });
    if (random.chance(0.4))
      actions.push({ at: seconds(random, 590, 700), action: "repair", person, nth: nth(random) });
    if (random.chance(0.3))
      actions.push({ at: seconds(random, 600, 700), action: "break", person, nth: nth(random) });
  }
  const trouble = makeAction(random, seconds(random, 590, 650), history);
  return [...actions, ...trouble].sort((one, other) => one.at - other.at);
}

/** A slow answer is overtaken by a break. */
function makeOvertaken(random: Random, at: number, history: History): Action[] {
  const person = someone(random, history);
  return [
    { at, action: "network", kind: "slow", ms: seconds(random, 4, 10), share: 1 },
    { at: at + 100, action: "check-now", person },
    { at: at + random.between(1_700, 6_000), action: "break", person, nth: nth(random) },
  ];
}

/** Often at a brokerage where they already have a connection. */
function makeConnect(random: Random, at: number, history: History): Action[] {
  const person = someone(random, history);
  const [own] = history.connections[person] ?? [];
  const brokerage = own && random.chance(0.5) ? own.brokerage : random.pick(brokerageSlugs);
  return [{ at, action: "connect", person, brokerage, visit: makeVisit(random, "connect") }];
}

/** Heartbeats: the last days' all at once, or far apart, one by one. */
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

/** Floods the app with requests while somebody else wants an answer. */
function makeHammer(random: Random, at: number, history: History): Action[] {
  const [person, ms] = [someone(random, history), seconds(random, 4, 20)];
  const other = (person + 1) % history.people;
  return [
    { at, action: "hammer", person, ms },
    { at: at + ms - 1, action: "check-now", person: other },
  ];
}

/** Makes one action, along with those that belong to it. */
export function makeAction(random: Random, at: number, history: History): Action[] {
  let dice = random.next() * makers.reduce((sum, [weight]) => sum + weight, 0);
  const maker = makers.find(([weight]) => (dice -= weight) < 0) ?? makers[0];
  return maker ? maker[1](random, at, history) : [];
}
