import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openDatabase, transaction } from "./db/client";
import type { OpenDatabase } from "./db/database";
import { announceChanges, follow, recordChange } from "./live";
import { startTransactionPooler } from "@/lib/testing/transaction-pooler";
import { testSettings } from "@/lib/testing/unique";
import { makeUser, withDatabase } from "@/lib/testing/with-database";

Object.assign(process.env, testSettings);
withDatabase();

describe("behind a pooler in transaction mode", () => {
  let pooler: Awaited<ReturnType<typeof startTransactionPooler>>;
  let pooled: OpenDatabase;
  const held = globalThis as { reconnectDatabase?: Promise<OpenDatabase> };
  let direct: Promise<OpenDatabase> | undefined;

  beforeAll(async () => {
    const url = new URL(process.env.DATABASE_URL ?? "");
    pooler = await startTransactionPooler(url.href, 3);
    url.port = String(pooler.port);
    const settings = { DATABASE_URL: url.href, DATABASE_DRIVER: "pg" as const, NEON_WS_PROXY: undefined };
    pooled = await openDatabase(settings);
    direct = held.reconnectDatabase;
    held.reconnectDatabase = Promise.resolve(pooled);
  });
  afterAll(async () => {
    held.reconnectDatabase = direct;
    await pooled.close();
    pooler.close();
  });

  test("fifty transactions and queries at once share three server connections and none is mixed up", async () => {
    await pooled.db.execute(sql`create table counted (n int not null)`);
    await pooled.db.execute(sql`insert into counted values (0)`);
    const before = pooler.transactions();
    await Promise.all(
      Array.from({ length: 50 }, async (_, turn) => {
        await transaction(async (tx) => {
          await tx.execute(sql`update counted set n = n + 1`);
        });
        const answer: unknown = await pooled.db.execute(sql`select ${turn}::int as turn`);
        expect((answer as { rows: unknown[] }).rows).toEqual([{ turn }]);
      }),
    );
    const answer: unknown = await pooled.db.execute(sql`select n from counted`);
    expect((answer as { rows: unknown[] }).rows).toEqual([{ n: 50 }]);
    expect(pooler.transactions() - before).toBeGreaterThanOrEqual(100);
  });

  test("a transaction's limits hold on whichever server connection it runs", async () => {
    for (let turn = 0; turn < 6; turn++) {
      const limit = await transaction(async (tx) => {
        const answer: unknown = await tx.execute(sql`show lock_timeout`);
        return (answer as { rows: { lock_timeout: string }[] }).rows[0]?.lock_timeout;
      });
      expect(limit).toBe("3s");
    }
  });

  test("LISTEN isn't relied on, and open pages hear of every change within two seconds", async () => {
    const hears = pooled.listen?.("pooler_test", () => undefined);
    const userId = await makeUser();
    let announced = -1;
    const close = await follow(userId, (version) => (announced = version));
    for (let version = 1; version <= 3; version++) {
      await transaction((tx) => recordChange(tx, userId));
      await announceChanges();
      await expect.poll(() => announced, { timeout: 2_000, interval: 20 }).toBe(version);
    }
    expect(hears?.()).toBe(false);
    close?.();
  });
});
