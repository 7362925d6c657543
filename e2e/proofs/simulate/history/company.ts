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
  const imported = random.chance(0.5) ? random.between(1, 3) : 0;
  if (imported > 0) actions.push(...makeImport(random, imported));
  const times = random.between(1, 3);
  for (let turn = 0; turn < times; turn++) {
    const at = random.between(14_000, Math.max(15_000, troubleMs - 12_000));
    const person = random.between(0, people + imported - 1);
    actions.push(...makeFixSession(random, at, person));
  }
  return actions;
}

/** Some without an e-mail address; the command is sometimes killed, or loses the database. */
function makeImport(random: Random, count: number): Action[] {
  const at = seconds(random, 2, 7);
  const people = Array.from({ length: count }, () => ({
    brokerage: random.pick(brokerageSlugs),
    broken: random.chance(0.4),
    hasEmail: random.chance(0.4),
  }));
  const killMs = random.chance(0.5) ? random.between(20, 1_500) : 0;
  const made: Action[] = [{ at, action: "import", people, killMs }];
  if (random.chance(0.3))
    made.push({ at, action: "database", kind: "breaks", ms: seconds(random, 2, 5), share: 0.1 });
  return made;
}

/** For something that has just broken; sometimes it is repaired elsewhere before the person comes. */
function makeFixSession(random: Random, at: number, person: number): Action[] {
  const nth = random.between(0, 3);
  const comesMs = seconds(random, 1, 12);
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
      visit: {
        ...makeVisit(random, "reconnect"),
        again: "no",
        renews: false,
        thinkMs: seconds(random, 1, 10),
      },
    },
  ];
  if (random.chance(0.3)) made.push({ at: at + random.between(500, comesMs), action: "repair", person, nth });
  return made;
}
