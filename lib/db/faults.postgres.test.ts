import { randomBytes } from "node:crypto";
import { sql } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import { openDatabase } from "./client";
import type { OpenDatabase } from "./database";
import { TimeLimitError, type Limits } from "./limits";
import { startFaultyNetwork, type FaultyNetwork } from "@/lib/testing/faulty-network";
import { startWebSocketProxy } from "@/lib/testing/websocket-proxy";

/** The production limits at a fifth of their length. */
const limits: Limits = {
  connectMs: 1_000,
  lockMs: 600,
  idleMs: 1_000,
  statementMs: 1_600,
  queryMs: 2_000,
  transactionMs: 3_000,
};
const poolSize = 10;

const count = sql`update counter set n = n + 1`;
const sleep = (seconds: number) => sql`select pg_sleep(${seconds})`;
const times = <T>(number: number, work: () => Promise<T>) =>
  Promise.allSettled(Array.from({ length: number }, work));
const fulfilled = (results: PromiseSettledResult<unknown>[]) =>
  results.filter(({ status }) => status === "fulfilled").length;

const succeeds = (promise: Promise<unknown>) =>
  promise.then(
    () => true,
    () => false,
  );

/** A promise that stays pending until `open` is called. */
function latch() {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { open, opened };
}

describe.each(["pg", "neon"] as const)("a faulty network between %s and the server", (driver) => {
  const name = `faults_${driver}_${randomBytes(4).toString("hex")}`;
  const url = new URL(`${inject("postgresUrl")}/${name}`);
  const proxy = startWebSocketProxy(Number(url.port));
  /** A direct connection to the server, like another process's. */
  let other: OpenDatabase;
  let network: FaultyNetwork;
  let opened: OpenDatabase;

  beforeAll(async () => {
    const admin = await open(new URL(`${inject("postgresUrl")}/postgres`));
    await admin.db.execute(sql.raw(`create database ${name}`));
    await admin.close();
    other = await open(url);
    await other.db.execute(sql`create table counter as select 0 as n`);
  });
  afterAll(async () => {
    await other.close();
    proxy.close();
  });
  beforeEach(async () => {
    network = await startFaultyNetwork(driver === "pg" ? Number(url.port) : proxy.port);
    const through = new URL(url);
    if (driver === "pg") through.port = String(network.port);
    opened = await openDatabase(
      {
        DATABASE_URL: through.href,
        DATABASE_DRIVER: driver,
        NEON_WS_PROXY: driver === "neon" ? `localhost:${network.port}/v1` : undefined,
      },
      limits,
    );
  });
  afterEach(async () => {
    await opened.close();
    await network.close();
  });

  const open = (at: URL) =>
    openDatabase({ DATABASE_URL: at.href, DATABASE_DRIVER: "pg", NEON_WS_PROXY: undefined }, limits);
  const counting = () => opened.transaction((tx) => tx.execute(count));

  /** Uses all connections of the pool at once, so that each one is open. */
  async function fillPool() {
    expect(fulfilled(await times(poolSize, () => opened.db.execute(sleep(0.3))))).toBe(poolSize);
  }

  async function expectUsable() {
    const results = await times(poolSize, () => opened.transaction((tx) => tx.execute(sleep(0.1))));
    expect(results.filter(({ status }) => status === "rejected")).toEqual([]);
    await opened.db.execute(count);
  }

  test("ten connections that died silently are all replaced once one of them is found dead", async () => {
    await fillPool();
    network.freeze();
    network.heal();
    const began = Date.now();
    await expect(counting()).rejects.toThrow(TimeLimitError);
    await expectUsable();
    expect(Date.now() - began).toBeLessThan(limits.queryMs + 2_000);
  });

  test("ten transactions whose BEGIN is never answered release all their connections", async () => {
    await fillPool();
    network.freeze();
    network.heal();
    expect(fulfilled(await times(poolSize, counting))).toBe(0);
    await expectUsable();
  });

  test("queries that are never answered release their connections", async () => {
    await fillPool();
    network.freeze();
    network.heal();
    expect(fulfilled(await times(poolSize, () => opened.db.execute(count)))).toBe(0);
    await expectUsable();
  });

  test("eight drops under load never shrink the pool", async () => {
    let done = 0;
    let stopped = false;
    const workers = times(2 * poolSize, async () => {
      while (!stopped)
        await counting().then(
          () => done++,
          () => new Promise((resolve) => setImmediate(resolve)),
        );
    });
    for (let drop = 0; drop < 8; drop++) {
      const before = done;
      await expect.poll(() => done, { timeout: 10_000, interval: 5 }).toBeGreaterThan(before + 2 * poolSize);
      network.drop();
    }
    stopped = true;
    await workers;
    await expectUsable();
  });

  test("connections that are accepted but never answered fail in time, and free their slots once the server is back", async () => {
    network.freeze();
    const began = Date.now();
    expect(fulfilled(await times(2 * poolSize, counting))).toBe(0);
    expect(Date.now() - began).toBeLessThan(limits.connectMs + 2_000);
    network.heal();
    await expect.poll(() => succeeds(counting()), { timeout: 5_000 }).toBe(true);
    await expectUsable();
  });

  test("work that hangs inside a transaction holds its locks only briefly; until then others fail fast", async () => {
    const hung = latch();
    const ended = times(1, () =>
      opened.transaction(async (tx) => {
        await tx.execute(count);
        hung.open();
        await new Promise(() => undefined);
      }),
    );
    await hung.opened;
    const began = Date.now();
    await expect(other.db.execute(count)).rejects.toMatchObject({ cause: { code: "55P03" } });
    expect(Date.now() - began).toBeLessThan(limits.lockMs + 1_000);
    await expect.poll(() => succeeds(other.db.execute(count)), { timeout: limits.idleMs + 2_000 }).toBe(true);
    expect(await ended).toMatchObject([
      { status: "rejected", reason: expect.any(TimeLimitError) as unknown },
    ]);
    await expectUsable();
    expect(await idleInTransaction()).toBe(0);
  });

  test("a transaction whose network freezes between two statements frees its row for others, and its connection is replaced", async () => {
    const frozen = opened.transaction(async (tx) => {
      await tx.execute(count);
      network.freeze();
      await tx.execute(count);
    });
    await expect(frozen).rejects.toMatchObject({ cause: expect.any(TimeLimitError) as unknown });
    await expect.poll(() => succeeds(other.db.execute(count)), { timeout: limits.idleMs + 2_000 }).toBe(true);
    network.heal();
    await expectUsable();
    expect(await idleInTransaction()).toBe(0);
  });

  test("the server cancels a statement that takes too long and reports why", async () => {
    await expect(opened.db.execute(sleep(20))).rejects.toMatchObject({ cause: { code: "57014" } });
    await expect(opened.transaction((tx) => tx.execute(sleep(20)))).rejects.toMatchObject({
      cause: { code: "57014" },
    });
    await expectUsable();
  });

  test("a caller that gets no free connection fails within the limit", async () => {
    const [held, free] = [latch(), latch()];
    let holders = 0;
    const holding = times(poolSize, () =>
      opened.transaction(async () => {
        if (++holders === poolSize) held.open();
        await free.opened;
      }),
    );
    await held.opened;
    await expect(opened.db.execute(count)).rejects.toThrow();
    free.open();
    await holding;
    await expectUsable();
  });

  test("a slow network causes no failures", async () => {
    network.slowBy(40);
    const reading = () => opened.transaction((tx) => tx.execute(sql`select n from counter`));
    expect(fulfilled(await times(2 * poolSize, reading))).toBe(2 * poolSize);
  });

  async function idleInTransaction(): Promise<number> {
    const answer: unknown = await other.db.execute(
      sql`select 1 from pg_stat_activity where datname = ${name} and state like 'idle in transaction%'`,
    );
    return (answer as { rows: unknown[] }).rows.length;
  }
});
