import { bundle } from "./bundle";
import { makePglite, rememberRows } from "./pglite";
import { mutate } from "./mutations";
import { PreparedStatements } from "./prepared";
import type { Ground } from "./run";
import { Simulation, type AppExports, type EmulatorExports, type Programs } from "./simulation";

/**
 * What all runs of one worker share: the programs, and one migrated database.
 * @param mutation a defect to put back
 */
export async function makeGround(mutation: string | null = null): Promise<Ground> {
  const mutated = mutate(mutation);
  const programs: Programs = {
    app: await bundle<AppExports>("e2e/proofs/simulate/app-entry.ts", mutated.change),
    emulator: await bundle<EmulatorExports>("e2e/proofs/simulate/emulator-entry.ts"),
  };
  mutated.checkDone();
  const pglite = await makePglite();
  const prepared = new PreparedStatements(pglite);
  const simulation = new Simulation(programs, pglite, prepared, "migration");
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
  const restore = await rememberRows(pglite);
  const reset = async () => {
    await prepared.forget();
    await restore();
  };
  return { programs, pglite, prepared, reset };
}
