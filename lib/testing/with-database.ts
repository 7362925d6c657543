import { randomBytes, randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Pool } from "pg";
import { afterAll, beforeAll, inject } from "vitest";
import { database, openDatabase } from "@/lib/db/client";
import type { OpenDatabase } from "@/lib/db/database";
import { migrateDatabase } from "@/lib/db/migrate";
import { recordStatements, writeRecorded } from "./record-statements";
import { snapTradeUsers, users } from "@/lib/db/schema/users";

/** With TEST_DRIVER=neon, tests reach their PostgreSQL through Neon's driver and a WebSocket proxy. */
const usesNeon = () => process.env.TEST_DRIVER === "neon" && inject("postgresUrl") !== "";

/** Gives a test file its own database, the same one that the code under test gets from database(). */
export function withDatabase() {
  let opened: OpenDatabase;
  let folder = "";
  const recording = process.env.RECORD_STATEMENTS;
  beforeAll(async () => {
    process.env.DATABASE_URL = await newDatabaseUrl();
    if (recording) recordStatements();
    opened = await openDatabase({
      DATABASE_URL: process.env.DATABASE_URL,
      DATABASE_DRIVER: usesNeon() ? "neon" : undefined,
      NEON_WS_PROXY: usesNeon() ? inject("neonProxy") : undefined,
    });
    await migrateDatabase(opened);
    (globalThis as { reconnectDatabase?: Promise<OpenDatabase> }).reconnectDatabase = Promise.resolve(opened);
  });
  afterAll(async () => {
    if (recording) writeRecorded(recording);
    await opened.close();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  async function newDatabaseUrl(): Promise<string> {
    const postgresUrl = inject("postgresUrl");
    if (!postgresUrl) {
      folder = await mkdtemp(path.join(tmpdir(), "reconnect-test-"));
      return `pglite:${folder}`;
    }
    const name = `test_${randomBytes(6).toString("hex")}`;
    const pool = new Pool({ connectionString: `${postgresUrl}/postgres`, max: 1 });
    await pool.query(`create database ${name}`);
    await pool.end();
    return `${postgresUrl}/${name}`;
  }
}

/** Creates a person for one test, with or without a SnapTrade user. */
export async function makeUser({ registered = true } = {}): Promise<string> {
  const db = await database();
  const [user] = await db
    .insert(users)
    .values({ email: `${randomUUID()}@example.com` })
    .returning();
  if (!user) throw new Error("The user was not stored");
  if (registered)
    await db.insert(snapTradeUsers).values({
      userId: user.id,
      snapTradeUserId: randomUUID(),
      sealedSecret: "not used here",
      registeredAt: new Date(),
    });
  return user.id;
}
