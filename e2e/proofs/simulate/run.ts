import type { PGlite } from "@electric-sql/pglite";
import { makeHistory, describeAction, settleMs, type History } from "./history";
import { Invariants } from "./invariants";
import { act, type Cast } from "./act";
import type { PreparedStatements } from "./prepared";
import { People } from "./people";
import { seededRandom } from "./random";
import { describe, Simulation, type Programs, type Violation } from "./simulation";
import { Trips } from "./trips";
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
  prepared: PreparedStatements;
  reset: () => Promise<void> | void;
}

/** A history that was found once, shortened, and kept. */
export interface StoredHistory {
  seed: string;
  /** What it violated. */
  invariant: string;
  /** The defect that it found, where that can be put back (mutations.ts). */
  mutation?: string;
  history: History;
}

export const historyOf = (seed: string, people = 0, days = 0) =>
  makeHistory(seededRandom(`${seed} history`), people, days);

/** Plays one history from its beginning to its end, or to the first thing that must not be. */
export async function play(
  { programs, pglite, prepared, reset }: Ground,
  seed: string,
  history: History,
): Promise<Result> {
  await reset();
  const simulation = new Simulation(programs, pglite, prepared, seed);
  const { scheduler, world, database } = simulation;
  const { clocksAheadMs, processes, troubleMs, quietMs } = history;
  world.settings.clockSkewSeconds = clocksAheadMs.snapTrade / 1000;
  database.clockAheadMs = clocksAheadMs.database;
  const unhandled = (error: unknown) =>
    simulation.fail("nothing ends in an error that nobody handles", describe(error));
  process.on("unhandledRejection", unhandled);
  const troubles = new Troubles(simulation, history.rateLimit);
  const people = new People(simulation, troubles);
  const trips = new Trips(simulation, people, troubles);
  const invariants = new Invariants(simulation, trips, troubles);
  const cast = { simulation, troubles, people, trips, history };

  for (let index = 0; index < processes; index++) {
    simulation.startProcess(index, clocksAheadMs.processes[index] ?? 0);
    if (history.ownTimers) keepTimer(cast, index, 1_000 + index * 13_000);
  }
  if (!history.ownTimers) keepTimer(cast, null, 1_000);
  for (const connections of history.connections.slice(0, history.people))
    simulation.background("arriving", () => people.arrive(connections));
  for (const action of history.actions)
    scheduler.at(scheduler.startedAt + action.at, () => {
      simulation.say(describeAction(action).slice(11));
      act(cast, action);
    });
  const watch = () => {
    invariants.check();
    scheduler.after(5_000, watch);
  };
  watch();
  const end = { reached: false };
  scheduler.at(scheduler.startedAt + troubleMs, () => endTrouble(cast));
  scheduler.at(scheduler.startedAt + troubleMs + quietMs, () =>
    simulation.background("the last checks", async () => {
      await invariants.checkEnd(quietMs >= settleMs);
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

/** A round every half minute: of one process by its own timer, or of any by a scheduler from outside. */
function keepTimer({ simulation, troubles }: Cast, index: number | null, firstMs: number) {
  const { scheduler } = simulation;
  const random = simulation.random("timer");
  const running = new Set<object>();
  const tick = () => {
    scheduler.after(30_000, tick);
    const process = index === null ? simulation.someProcess(random) : simulation.processes[index];
    if (!process || running.has(process) || troubles.timerStands) return;
    running.add(process);
    const ended = () => running.delete(process);
    simulation.background(`the round of ${process.owner.name}`, () =>
      process.app.reconcile().then(ended, ended),
    );
  };
  scheduler.after(firstMs, tick);
}

function endTrouble({ simulation, troubles, people, history }: Cast) {
  simulation.say("all trouble ends");
  troubles.endAll();
  troubles.happened("settling");
  people.quiet = true;
  for (let index = 0; index < history.processes; index++)
    if (!simulation.processes[index])
      simulation.startProcess(index, history.clocksAheadMs.processes[index] ?? 0);
}
