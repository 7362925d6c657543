import { bundle } from "./process/bundle";
import { takeImage } from "./database/image";
import { makePglite, rememberRows } from "./database/pglite";
import { mutate } from "./mutations";
import { PreparedStatements } from "./database/prepared";
import { historyOf, play, type Ground } from "./run";
import type { AppExports, EmulatorExports, Programs } from "./programs";
import { Simulation } from "./simulation";

/**
 * Makes the programs and the migrated database that all runs share; each run starts byte-identical.
 * @param mutation a defect to reintroduce
 * @param rehearsals how many runs to play first, so that the database has planned its statements
 */
export async function makeGround(mutation: string | null = null, rehearsals = 0): Promise<Ground> {
  const programs: Programs = {
    app: await bundleApp(mutation),
    emulator: await bundle<EmulatorExports>("e2e/proofs/simulate/process/emulator-entry.ts"),
  };
  const pglite = await makePglite();
  const prepared = new PreparedStatements(pglite);
  const simulation = new Simulation(programs, prepared, "migration");
  simulation.startProcess(0, 0);
  simulation.background("migrating", async () => {
    const app = simulation.processes[0]?.app;
    const opened = await app?.openDatabase({
      DATABASE_URL: "postgres://sim@database.sim/sim",
      DATABASE_DRIVER: undefined,
      NEON_WS_PROXY: undefined,
    });
    if (opened) await app?.migrateDatabase(opened);
  });
  await simulation.scheduler.run(simulation.scheduler.now + 60_000);
  if (simulation.violation)
    throw new Error(`The simulation's database could not be migrated: ${simulation.violation.detail}`);
  simulation.killProcess(0);
  const empty = await rememberRows(pglite);
  for (let turn = 0; turn < rehearsals; turn++) {
    const seed = `rehearsal ${turn}`;
    await play({ programs, pglite, prepared, reset: empty }, seed, historyOf(seed));
  }
  await empty();
  const resets = [prepared.remember(), takeImage(pglite)];
  const reset = () => {
    for (const one of resets) one();
  };
  return { programs, pglite, prepared, reset };
}

async function bundleApp(mutation: string | null) {
  const mutated = mutate(mutation);
  const app = await bundle<AppExports>("e2e/proofs/simulate/process/app-entry.ts", mutated.change);
  mutated.checkDone();
  return app;
}

/** The same ground, with a defect reintroduced into the app. */
export async function withDefect(ground: Ground, mutation: string): Promise<Ground> {
  return { ...ground, programs: { ...ground.programs, app: await bundleApp(mutation) } };
}
