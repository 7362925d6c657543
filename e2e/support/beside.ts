import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Company, makeApiKey } from "./company";
import { freePort, run } from "./ground.mjs";
import type { Servers } from "./people";
import { settingsFor, startApp, startEmulator } from "./processes";

export interface Beside {
  servers: Servers;
  company: Company;
  /** Starts the app again on what it has stored, with these settings changed. */
  restart: (changed: Record<string, string>) => Promise<void>;
  stop: () => Promise<void>;
}

/**
 * Starts an emulator, and an app with its own embedded database beside a company that has a key of its API.
 * @param appPort for settings that contain the app's address
 */
export async function startBeside(env: Record<string, string>, appPort?: number): Promise<Beside> {
  const data = await mkdtemp(path.join(tmpdir(), "reconnect-beside-"));
  const ports = { app: appPort ?? (await freePort()), emulator: await freePort(), smtp: await freePort() };
  const settings = { ...settingsFor(ports), DATABASE_URL: `pglite:${data}`, LOG_LEVEL: "warn", ...env };
  if (!run("npm", ["run", "--silent", "db:migrate"], settings)) throw new Error("No migration");
  const apiKey = makeApiKey(settings);
  const emulator = await startEmulator(ports);
  let app = await startApp(ports, settings);
  const servers = { appUrl: app.url, emulatorUrl: emulator.url };
  return {
    servers,
    company: new Company(servers, apiKey),
    async restart(changed) {
      await app.stop();
      app = await startApp(ports, { ...settings, ...changed });
    },
    async stop() {
      await Promise.all([app.stop(), emulator.stop()]);
      await rm(data, { recursive: true, force: true });
    },
  };
}
