import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { inspect } from "node:util";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { openDatabase } from "./client";
import { migrateDatabase, requireCurrentSchema } from "./migrate";
import { users } from "@/lib/db/schema/users";
import { startWebSocketProxy } from "@/lib/testing/websocket-proxy";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "reconnect-client-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const pglite = (name: string) => ({
  DATABASE_URL: `pglite:${path.join(folder, name)}`,
  DATABASE_DRIVER: undefined,
  NEON_WS_PROXY: undefined,
});

/** Starts another process that opens the database, prints "open", and stays until it is killed. */
async function holder(name: string) {
  const code = `const { openDatabase } = await import("./lib/db/client.ts"); await openDatabase(${JSON.stringify(pglite(name))}); console.log("open"); setInterval(() => {}, 1000);`;
  const child = spawn(
    process.execPath,
    ["--conditions=react-server", "--import", "tsx", "--input-type=module", "-e", code],
    {
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const end = once(child, "exit");
  const opened = new Promise<void>((resolve) =>
    child.stdout.on("data", () => said.includes("open") && resolve()),
  );
  await Promise.race([opened, end]);
  return { child, end, said: () => said };
}

describe("the embedded database", () => {
  test("a second process stops with an error that names the first, and a killed process leaves no lock behind", async () => {
    const first = await holder("locked");
    expect(first.said()).toContain("open");
    await expect(openDatabase(pglite("locked"))).rejects.toThrow(
      `is in use by process ${first.child.pid ?? 0}`,
    );
    first.child.kill("SIGKILL");
    await first.end;
    const { close } = await openDatabase(pglite("locked"));
    await close();
  });

  test("data survives closing and reopening the database", async () => {
    const first = await openDatabase(pglite("kept"));
    await first.db.insert(users).values({ email: "kept@example.com" });
    await first.close();
    const second = await openDatabase(pglite("kept"));
    expect(await second.db.select({ email: users.email }).from(users)).toEqual([
      { email: "kept@example.com" },
    ]);
    await second.close();
  });

  test("a database from a newer version is refused with an explanation", async () => {
    const first = await openDatabase(pglite("future"));
    await first.db.execute(
      sql`insert into drizzle.__drizzle_migrations (hash, created_at) values ('of the future', 9999999999999)`,
    );
    await first.close();
    await expect(openDatabase(pglite("future"))).rejects.toThrow("made by a newer version");
  });

  test("a damaged database is refused with an explanation of what to do", async () => {
    const first = await openDatabase(pglite("damaged"));
    await first.close();
    const data = path.join(folder, "damaged/data");
    expect(await readdir(data)).toContain("global");
    await writeFile(path.join(data, "global/pg_control"), "not a control file");
    await expect(openDatabase(pglite("damaged"))).rejects.toThrow("seems to be damaged");
  });

  test("a failed query never prints its parameters", async () => {
    const { db, close } = await openDatabase(pglite("failing"));
    const failed: unknown = await db
      .insert(users)
      .values([{ email: "secret@example.com" }, { email: "secret@example.com" }])
      .then(
        () => null,
        (error: unknown) => error,
      );
    expect(String(failed)).toContain("secret@example.com");
    expect(inspect(failed)).toMatch(/^A query failed .*23505/);
    expect(inspect({ nested: [failed] }, { depth: 9 })).not.toContain("secret@example.com");
    await close();
  });

  test("a schema with pending migrations is refused until they are applied", async () => {
    const { db, close } = await openDatabase(pglite("behind"));
    await db.execute(sql`delete from drizzle.__drizzle_migrations`);
    await expect(requireCurrentSchema(db)).rejects.toThrow("npm run db:migrate");
    await close();
  });
});

describe.runIf(inject("postgresUrl"))("PostgreSQL", () => {
  const url = (name: string) => `${inject("postgresUrl")}/${name}`;

  async function create(name: string) {
    const { db, close } = await openDatabase({
      DATABASE_URL: url("postgres"),
      DATABASE_DRIVER: undefined,
      NEON_WS_PROXY: undefined,
    });
    await db.execute(sql.raw(`create database ${name}`));
    await close();
  }

  test("two concurrent migrations apply everything exactly once", async () => {
    await create("migrated");
    const settings = { DATABASE_URL: url("migrated"), DATABASE_DRIVER: undefined, NEON_WS_PROXY: undefined };
    const [one, other] = await Promise.all([openDatabase(settings), openDatabase(settings)]);
    const applied = await Promise.all([migrateDatabase(one), migrateDatabase(other)]);
    expect(Math.min(...applied)).toBe(0);
    expect(Math.max(...applied)).toBeGreaterThan(0);
    await requireCurrentSchema(one.db);
    await Promise.all([one.close(), other.close()]);
  });

  test("Neon's driver works the same over a WebSocket", async () => {
    await create("neon");
    const proxy = startWebSocketProxy(Number(new URL(url("neon")).port));
    const opened = await openDatabase({
      DATABASE_URL: url("neon"),
      DATABASE_DRIVER: "neon",
      NEON_WS_PROXY: `localhost:${proxy.port}/v1`,
    });
    const { db, transaction, close } = opened;
    await migrateDatabase(opened);
    await transaction(async (tx) => {
      await tx.insert(users).values({ email: "neon@example.com" });
    });
    expect(await db.select({ email: users.email }).from(users)).toEqual([{ email: "neon@example.com" }]);
    await close();
    proxy.close();
  });
});
