// Prepares what everything else needs: packages, a build, free ports. Must work before any package is
// installed.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { createServer } from "node:net";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");

/** Prints one sentence and ends this process. */
export function stop(sentence) {
  console.error(sentence);
  process.exit(1);
}

/** Runs a command in the project and shows its output; false when it failed. */
export function run(command, args, env = {}) {
  const done = spawnSync(command, args, { cwd: root, stdio: "inherit", env: { ...process.env, ...env } });
  return done.status === 0;
}

/** Installs exactly what the lock file lists when packages are missing or older than it. */
export function installPackages() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major < 20 || (major === 20 && minor < 9))
    stop(`Node.js 20.9 or newer is required; this is ${process.versions.node}.`);
  const installed = path.join(root, "node_modules/.package-lock.json");
  if (
    existsSync(installed) &&
    statSync(installed).mtimeMs >= statSync(path.join(root, "package-lock.json")).mtimeMs
  )
    return;
  console.log("Installing packages, which takes a minute or more …");
  if (!run("npm", ["ci", "--no-audit", "--no-fund"]))
    stop("The packages could not be installed; see above. Is the network available?");
}

/** Builds the app when there is no build or a source is newer. */
export function buildIfNeeded() {
  const built = path.join(root, ".next/standalone/server.js");
  const sources = [
    "app",
    "components",
    "lib",
    "drizzle",
    "public",
    "next.config.ts",
    "package-lock.json",
    "proxy.ts",
    "instrumentation.ts",
  ];
  if (
    existsSync(built) &&
    sources.every((source) => newest(path.join(root, source)) <= statSync(built).mtimeMs)
  )
    return;
  console.log("Building, which takes a minute or more …");
  if (!run("npm", ["run", "--silent", "build"])) process.exit(1);
}

function newest(place) {
  const found = statSync(place);
  if (!found.isDirectory()) return found.mtimeMs;
  return readdirSync(place).reduce((time, name) => Math.max(time, newest(path.join(place, name))), 0);
}

/** The settings in .env.example, which match the emulator. */
export function exampleSettings() {
  const lines = readFileSync(path.join(root, ".env.example"), "utf8").split("\n");
  return Object.fromEntries(
    lines
      .filter((line) => /^[A-Z_]+=/.test(line))
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
}

/** A port that is free right now. @returns {Promise<number>} */
export function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer().once("error", reject);
    probe.listen(0, () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/** Whether something listens on the port, on any address of this machine. */
export function isTaken(port) {
  return new Promise((resolve) => {
    const probe = createServer().once("error", () => resolve(true));
    probe.listen(port, () => probe.close(() => resolve(false)));
  });
}

/**
 * npm and its shell may exit on a signal without forwarding it. Then this process gets a new parent, and
 * exits too.
 */
export function whenParentEnds(leave) {
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    leave();
  }, 250);
  watch.unref();
}
