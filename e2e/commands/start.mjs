// The production server: settings from the environment and .env files, then what `npm run build` made.
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
// The server works in its own folder; a folder named in the settings is meant from here.
if (database.startsWith("pglite:"))
  process.env.DATABASE_URL = `pglite:${path.resolve(root, database.slice("pglite:".length))}`;
process.env.PORT = String(port);
process.env.HOSTNAME ||= "0.0.0.0";

if (!existsSync(server)) stop("There is no production build; run `npm run build` first.");
if (!Number.isInteger(port) || port < 1 || port > 65535) stop("PORT must be a number between 1 and 65535.");
if (await isTaken(port)) stop(`Port ${port} is taken; stop what uses it, or set PORT to another one.`);
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
