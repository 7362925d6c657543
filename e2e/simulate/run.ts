import type { PGlite } from "@electric-sql/pglite";
import { makeHistory, describeAction, type Action, type History } from "./history";
import { Invariants } from "./invariants";
import { People } from "./people";
import { seededRandom } from "./random";
import { describe, Simulation, type Programs, type Violation } from "./simulation";
import { Troubles } from "./troubles";

export interface Result {
  seed: string;
  violation: Violation | null;
  trace: number;
  virtualMs: number;
  statements: number;
  requests: number;
  log: string[];
}

export interface Ground {
  programs: Programs;
  pglite: PGlite;
  reset: () => Promise<void>;
}

export const historyOf = (seed: string, people = 0, days = 0) => makeHistory(seededRandom(`${seed} history`), people, days);

/** Plays one history from its beginning to its end, or to the first thing that must not be. */
export async function play({ programs, pglite, reset }: Ground, seed: string, history: History): Promise<Result> {
  await reset();
  const simulation = new Simulation(programs, pglite, seed);
  const { scheduler, world, database } = simulation;
  const { clocksAheadMs, processes, troubleMs, quietMs } = history;
  world.clockOffset = clocksAheadMs.snapTrade;
  database.clockAheadMs = clocksAheadMs.database;
  const unhandled = (error: unknown) => simulation.fail("nothing ends in an error that nobody handles", describe(error));
  process.on("unhandledRejection", unhandled);
  const troubles = new Troubles(simulation, history.rateLimit);
  const people = new People(simulation, troubles);
  const invariants = new Invariants(simulation, people, troubles);
  const cast = { simulation, troubles, people, history };

  for (let index = 0; index < processes; index++) {
    simulation.startProcess(index, clocksAheadMs.processes[index] ?? 0);
    if (history.ownTimers) keepTimer(cast, index, 1_000 + index * 13_000);
  }
  if (!history.ownTimers) keepTimer(cast, null, 1_000);
  for (const connections of history.connections.slice(0, history.people)) simulation.background("arriving", () => people.arrive(connections));
  for (const action of history.actions) scheduler.at(scheduler.startedAt + action.at, () => act(cast, action));
  const watch = () => {
    invariants.check();
    scheduler.after(5_000, watch);
  };
  watch();
  const end = { reached: false };
  scheduler.at(scheduler.startedAt + troubleMs, () => endTrouble(cast));
  scheduler.at(scheduler.startedAt + troubleMs + quietMs, () =>
    simulation.background("the last checks", async () => {
      await invariants.checkEnd();
      end.reached = true;
    }),
  );
  const stop = () => simulation.violation !== null || end.reached;
  await scheduler.run(scheduler.startedAt + troubleMs + quietMs + 300_000, stop);
  for (const [index] of simulation.processes.entries()) simulation.killProcess(index);
  process.off("unhandledRejection", unhandled);
  const { violation, log } = simulation;
  return {
    seed,
    violation,
    trace: scheduler.trace,
    virtualMs: scheduler.elapsed,
    statements: database.statements,
    requests: simulation.network.requests,
    log,
  };
}

interface Cast {
  simulation: Simulation;
  troubles: Troubles;
  people: People;
  history: History;
}

/** A round every half minute: of one process by its own timer, or of any by a scheduler from outside. */
function keepTimer({ simulation }: Cast, index: number | null, firstMs: number) {
  const { scheduler } = simulation;
  const random = simulation.random("timer");
  const running = new Set<object>();
  const tick = () => {
    scheduler.after(30_000, tick);
    const process = index === null ? simulation.someProcess(random) : simulation.processes[index];
    if (!process || running.has(process)) return;
    running.add(process);
    const ended = () => running.delete(process);
    simulation.background(`the round of ${process.owner.name}`, () => process.app.reconcile().then(ended, ended));
  };
  scheduler.after(firstMs, tick);
}

function endTrouble({ simulation, troubles, people, history }: Cast) {
  simulation.say("all trouble ends");
  troubles.endAll();
  troubles.happened("settling");
  people.quiet = true;
  for (let index = 0; index < history.processes; index++)
    if (!simulation.processes[index]) simulation.startProcess(index, history.clocksAheadMs.processes[index] ?? 0);
}

/** One of a person's connections at SnapTrade. */
function connectionOf({ people }: Cast, person: number, nth: number) {
  const user = people.userOf(people.people[person]);
  const connections = user?.connections ?? [];
  const connection = connections[nth % Math.max(1, connections.length)];
  return user && connection ? { user, connection } : null;
}

function act(cast: Cast, action: Action) {
  const { simulation, troubles, people, history } = cast;
  const { emulator, world, scheduler } = simulation;
  simulation.say(describeAction(action).slice(11));
  const person = "person" in action ? people.people[action.person] : undefined;
  const here = (what: string, work: () => Promise<unknown>) => person?.userId && !person.leaving && simulation.background(what, work);
  switch (action.does) {
    case "network":
    case "database":
    case "webhooks":
    case "mail":
      return troubles.begin(action);
    case "kill":
      troubles.happened("kill");
      simulation.killProcess(action.process);
      return scheduler.after(action.ms, () => {
        troubles.happened("kill");
        if (!simulation.processes[action.process]) simulation.startProcess(action.process, history.clocksAheadMs.processes[action.process] ?? 0);
      });
    case "freeze": {
      const frozen = simulation.processes[action.process];
      troubles.happened("kill");
      if (frozen) frozen.owner.frozenUntil = scheduler.now + action.ms;
      return;
    }
    case "break": {
      const found = connectionOf(cast, action.person, action.nth);
      return found && people.breakOne(found.user.userId, found.connection.id);
    }
    case "repair": {
      const found = connectionOf(cast, action.person, action.nth);
      return found?.connection.disabled && emulator.finishRepair(world, found.user, found.connection, world.now());
    }
    case "flap": {
      const found = connectionOf(cast, action.person, action.nth);
      if (!found) return;
      const { user, connection } = found;
      if (!connection.disabled) people.breakOne(user.userId, connection.id);
      return scheduler.after(action.ms, () => {
        if (connection.disabled && user.connections.includes(connection)) emulator.finishRepair(world, user, connection, world.now());
        if (action.againMs > 0) scheduler.after(action.againMs, () => people.quiet || people.breakOne(user.userId, connection.id));
      });
    }
    case "delete-there": {
      const found = connectionOf(cast, action.person, action.nth);
      return found && emulator.removeConnection(world, found.user, found.connection);
    }
    case "incident":
      for (const user of world.users.values())
        for (const one of user.connections) if (one.slug === action.brokerage) people.breakOne(user.userId, one.id);
      return;
    case "maintenance":
      world.brokerageFlags[action.brokerage] = { maintenance_mode: true };
      return scheduler.after(action.ms, () => (world.brokerageFlags[action.brokerage] = {}));
    case "visit":
      return here("visiting", () => people.visit(requirePerson(person), action.ms));
    case "check-now":
      return here("checking", () => people.checkNow(requirePerson(person)));
    case "hammer":
      return here("hammering", () => people.hammer(requirePerson(person), action.ms));
    case "reconnect": {
      const found = connectionOf(cast, action.person, action.nth);
      return found && here("reconnecting", () => people.reconnect(requirePerson(person), found.connection.id, action.trip));
    }
    case "connect":
      return here("connecting", () => people.connect(requirePerson(person), action.brokerage, action.trip));
    case "remove": {
      const found = connectionOf(cast, action.person, action.nth);
      return found && here("removing", () => people.remove(requirePerson(person), found.connection.id));
    }
    case "forget":
      return here("leaving", () => people.forget(requirePerson(person)));
    case "arrive":
      return simulation.background("arriving", () => people.arrive(history.connections.at(-1) ?? []));
    case "heartbeats": {
      const found = connectionOf(cast, action.person, action.nth);
      for (const days of action.daysAgo) if (found) emulator.announceHoldings(world, found.user, found.connection, world.now() - days * 86_400_000);
      return;
    }
    case "odd-webhook":
      return simulation.background("an odd webhook", () => people.sendOdd(action.kind, people.userOf(person)));
  }
}

function requirePerson<T>(person: T | undefined): T {
  if (!person) throw new Error("Nobody is there");
  return person;
}
