import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Control } from "./control";
import { freePort } from "./ground.mjs";
import { startApp, startEmulator } from "./processes";

/** Starts one emulator and one production build for all journeys, with their own ports and data. */
export default async function startServers() {
  const data = await mkdtemp(path.join(tmpdir(), "reconnect-e2e-"));
  const ports = { app: await freePort(), emulator: await freePort(), smtp: await freePort() };
  const emulator = await startEmulator(ports);
  const app = await startApp(ports, {
    DATABASE_URL: `pglite:${data}`,
    LOG_LEVEL: "silent",
    RECONCILE_IN_PROCESS: "false",
    TRUSTED_PROXIES: "127.0.0.0/8,::1",
  });
  // All tests share one key, so together they would hit its limit; the limit has its own tests. Webhooks are
  // off unless a test asks for them; the others show that the app works without.
  await new Control(emulator.url).post("/settings", { rateLimit: 100_000, webhooks: "off" });
  process.env.APP_URL = app.url;
  process.env.EMULATOR_URL = emulator.url;
  return async () => {
    await Promise.all([app.stop(), emulator.stop()]);
    await rm(data, { recursive: true, force: true });
  };
}
