import type { Action, History } from "./actions";
import { brokerageSlugs, makeVisit } from "./makers";
import { seconds, type Random } from "./random";

/**
 * What a company does besides its people: it receives events on a server that is often in trouble, imports
 * people, and sends some of them to a repair.
 */
export function makeCompany(random: Random, history: History): Action[] {
  const { troubleMs, people } = history;
  const actions: Action[] = [{ at: seconds(random, 1, 4), action: "endpoint", is: "added" }];
  const within = (from: number) => random.between(Math.min(from, troubleMs - 1), troubleMs);
  for (const kind of ["fails", "hangs", "late"] as const)
    if (random.chance(0.5))
      actions.push({
        at: within(8_000),
        action: "receiver",
        kind,
        ms: seconds(random, 10, 60),
        share: random.pick([0.3, 0.6]),
      });
  if (random.chance(0.2))
    actions.push({ at: random.between(8_000, troubleMs / 2), action: "endpoint", is: "removed" });
  const imported = random.chance(0.7) ? random.between(1, 3) : 0;
  if (imported > 0) actions.push(...makeImport(random, imported, people));
  const times = random.between(1, 3);
  for (let turn = 0; turn < times; turn++) {
    const at = random.between(14_000, Math.max(15_000, troubleMs - 12_000));
    const person = random.between(0, people + imported - 1);
    actions.push(...makeFixSession(random, at, person));
  }
  return actions;
}

/**
 * Some without an e-mail address. Mostly something happens meanwhile: the command is killed, it loses
 * connections to the database, or SnapTrade's answers are lost. Sometimes an operator resets a secret later.
 */
function makeImport(random: Random, count: number, people: number): Action[] {
  const at = seconds(random, 2, 7);
  const imported = Array.from({ length: count }, () => ({
    brokerage: random.pick(brokerageSlugs),
    broken: random.chance(0.4),
    hasEmail: random.chance(0.4),
  }));
  const killMs = random.chance(0.35) ? random.between(20, 1_500) : 0;
  const made: Action[] = [{ at, action: "import", people: imported, killMs, twice: random.chance(0.25) }];
  if (random.chance(0.7))
    made.push({ at, action: "database", kind: "breaks", ms: seconds(random, 3, 14), share: 0.05 });
  if (random.chance(0.25))
    made.push({ at, action: "network", kind: "lost", ms: seconds(random, 2, 5), share: 0.6 });
  if (random.chance(0.4))
    made.push({
      at: seconds(random, 12, 40),
      action: "reset-secret",
      person: people + random.between(0, count - 1),
    });
  return made;
}

/**
 * For something that has just broken. Most people follow through; of the others, some leave, some fail, and
 * for some it is repaired elsewhere before they come.
 */
function makeFixSession(random: Random, at: number, person: number): Action[] {
  const nth = random.between(0, 3);
  const follows = random.chance(0.6);
  const comesMs = seconds(random, 1, follows ? 6 : 12);
  const visit = {
    ...makeVisit(random, "reconnect"),
    again: "no" as const,
    renews: false,
    thinkMs: seconds(random, 1, follows ? 6 : 10),
  };
  const through = { login: "good" as const, abandons: false, breaksAgainMs: 0 };
  if (random.chance(0.3)) through.breaksAgainMs = random.between(100, 6_000);
  const made: Action[] = [
    { at: at - random.between(1_000, 4_000), action: "break", person, nth },
    {
      at,
      action: "fix-session",
      person,
      nth,
      forOne: random.chance(0.6),
      expiresInSeconds: random.pick([60, 60, 120, 86_400]),
      comesMs,
      visit: follows ? { ...visit, ...through } : visit,
    },
  ];
  if (!follows && random.chance(0.6))
    made.push({ at: at + random.between(500, comesMs), action: "repair", person, nth });
  return made;
}
