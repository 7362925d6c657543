import type { PGlite } from "@electric-sql/pglite";
import type { History } from "./history/actions";
import { makeHistory, describeAction, recoveryMs } from "./history/history";
import { Company } from "./world/company";
import { Delivered } from "./checks/delivered";
import { FixSessions } from "./checks/fix-sessions";
import { FinalChecks } from "./checks/final-checks";
import { Invariants } from "./checks/invariants";
import { act, type Cast } from "./act";
import type { PreparedStatements } from "./database/prepared";
import { leaveContexts } from "./process/context";
import { People } from "./world/people";
import { seededRandom } from "./history/random";
import type { Programs } from "./programs";
import { describe, Simulation, type Violation } from "./simulation";
import { Visits } from "./world/visits";
import { Troubles } from "./world/troubles";

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

/** A failing history that was found, shortened, and kept. */
export interface StoredHistory {
  seed: string;
  /** The invariant it violated. */
  invariant: string;
  /** The defect that it found, if that can be reintroduced (mutations.ts). */
  mutation?: string;
  history: History;
}

export const historyOf = (seed: string, people = 0, days = 0) =>
  makeHistory(seededRandom(`${seed} history`), people, days);

/** Plays one history until its end or the first violation. */
export async function play(
  { programs, prepared, reset }: Ground,
  seed: string,
  history: History,
): Promise<Result> {
  await reset();
  const simulation = new Simulation(programs, prepared, seed);
  const { scheduler, world, database } = simulation;
  const { clocksAheadMs, processes, troubleMs, quietMs } = history;
  world.settings.clockSkewSeconds = clocksAheadMs.snapTrade / 1000;
  database.clockAheadMs = clocksAheadMs.database;
  const unhandled = (error: unknown) => simulation.fail("no error goes unhandled", describe(error));
  process.on("unhandledRejection", unhandled);
  const troubles = new Troubles(simulation, history.rateLimit);
  const people = new People(simulation, troubles);
  const visits = new Visits(simulation, people, troubles);
  const company = new Company(simulation, people, visits, troubles);
  const checks = [
    new Delivered(simulation, people, troubles),
    new FixSessions(simulation, troubles),
    company,
  ];
  const invariants = new Invariants(simulation, visits, troubles, checks);
  const cast = { simulation, troubles, people, visits, company, history };

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
      await new FinalChecks(simulation).check(quietMs >= recoveryMs);
      end.reached = true;
    }),
  );
  const stop = () => simulation.violation !== null || end.reached;
  await scheduler.run(scheduler.startedAt + troubleMs + quietMs + 300_000, stop);
  for (const [index] of simulation.processes.entries()) simulation.killProcess(index);
  process.off("unhandledRejection", unhandled);
  leaveContexts();
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

/** Runs a round every half minute, from one process's own timer or through an external scheduler. */
function keepTimer({ simulation, troubles }: Cast, index: number | null, firstMs: number) {
  const { scheduler } = simulation;
  const random = simulation.random("timer");
  const running = new Set<object>();
  const tick = () => {
    scheduler.after(30_000, tick);
    const process = index === null ? simulation.someProcess(random) : simulation.processes[index];
    if (!process || running.has(process) || troubles.timerIsStopped) return;
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
  troubles.happened("recovery");
  people.quiet = true;
  for (let index = 0; index < history.processes; index++)
    if (!simulation.processes[index])
      simulation.startProcess(index, history.clocksAheadMs.processes[index] ?? 0);
}
