// Starts the production server from `npm run build` with settings from the environment and .env files.
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import path from "node:path";
import { fileURLToPath } from "node:url";
import env from "@next/env";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const server = path.join(root, ".next/standalone/server.js");

env.loadEnvConfig(root);
process.env.NODE_ENV = "production";
const port = Number(process.env.PORT || 3000);
const database = process.env.DATABASE_URL || "pglite:.data/pglite";
// The server runs in its own folder, but relative paths in the settings start here.
if (database.startsWith("pglite:"))
  process.env.DATABASE_URL = `pglite:${path.resolve(root, database.slice("pglite:".length))}`;
process.env.PORT = String(port);
process.env.HOSTNAME ||= "0.0.0.0";

if (!existsSync(server)) stop("There is no production build; run `npm run build` first.");
// Next says that it is ready before the app reads its settings.
const { parseEnv, SettingsError } = await import(path.join(root, ".next/standalone/settings.mjs"));
try {
  parseEnv(process.env);
} catch (error) {
  if (!(error instanceof SettingsError)) throw error;
  stop(error.message);
}
if (!Number.isInteger(port) || port < 1 || port > 65535) stop("PORT must be a number between 1 and 65535.");
if (await isTaken(port)) stop(`Port ${port} is in use; free it, or set PORT to another port.`);
await import(server);

function isTaken(wanted) {
  return new Promise((resolve) => {
    const probe = createServer().once("error", () => resolve(true));
    probe.listen(wanted, process.env.HOSTNAME, () => probe.close(() => resolve(false)));
  });
}

function stop(sentence) {
  console.error(sentence);
  process.exit(1);
}
