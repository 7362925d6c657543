import { Pool } from "pg";
import { Control } from "../../support/control";
import { freePort, run } from "../../support/ground.mjs";
import { makePerson, type Person } from "../../support/people";
import { startPostgres } from "../../support/postgres";
import { settingsFor, startApp, startEmulator } from "../../support/processes";

/** The production build on a PostgreSQL of its own, with one person, and an emulator that sends nothing. */
export interface Deployment {
  appUrl: string;
  /** The app's process id. */
  pid: number;
  person: Person;
  pool: Pool;
  databaseUrl: string;
  stop: () => Promise<void>;
}

export async function startDeployment(): Promise<Deployment> {
  const postgres = await startPostgres();
  const ports = { app: await freePort(), emulator: await freePort(), smtp: await freePort() };
  const settings = { DATABASE_URL: postgres.url, LOG_LEVEL: "silent" };
  if (!run("npm", ["run", "--silent", "db:migrate"], { ...settingsFor(ports), ...settings }))
    throw new Error("No migration");
  const emulator = await startEmulator(ports);
  const app = await startApp(ports, settings);
  await new Control(emulator.url).post("/settings", { webhooks: "off" });
  const person = await makePerson({ appUrl: app.url, emulatorUrl: emulator.url }, "bench@example.com");
  const pool = new Pool({ connectionString: postgres.url, max: 2 });
  return {
    appUrl: app.url,
    pid: app.child.pid ?? 0,
    person,
    pool,
    databaseUrl: postgres.url,
    async stop() {
      await pool.end();
      await Promise.all([app.stop(), emulator.stop()]);
      await postgres.stop();
    },
  };
}
