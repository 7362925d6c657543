import { setTimeout as pause } from "node:timers/promises";
import { Pool } from "pg";
import { afterAll, afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { usualLimits } from "./limits";
import { listenWithPg, type Listening } from "./listen";
import { startFaultyNetwork, type FaultyNetwork } from "@/lib/testing/faulty-network";

describe("LISTEN over a faulty network", () => {
  const channel = "listen_test";
  const url = new URL(`${inject("postgresUrl")}/postgres`);
  const server = new Pool({ connectionString: url.href, max: 1 });
  let network: FaultyNetwork;
  let listening: Listening;
  let heard: number;

  beforeEach(async () => {
    network = await startFaultyNetwork(Number(url.port));
    const through = new URL(url);
    through.port = String(network.port);
    listening = listenWithPg(through.href, { ...usualLimits, connectMs: 1_000, queryMs: 1_000 });
    heard = 0;
  });
  afterEach(async () => {
    await listening.end();
    await network.close();
  });
  afterAll(() => server.end());

  const listen = () => listening.listen(channel, () => heard++);
  const soon = { timeout: 10_000, interval: 20 };

  async function listeners(): Promise<number> {
    const { rowCount } = await server.query(
      `select 1 from pg_stat_activity where query like 'listen "${channel}"%' or query = 'select 1'`,
    );
    return rowCount ?? 0;
  }

  test("twenty callers whose LISTEN fails share one listener, which resumes once the server is back", async () => {
    network.refuse();
    const hears = Array.from({ length: 20 }, listen);
    await expect.poll(() => network.refused(), soon).toBeGreaterThan(1);
    expect(hears.some((now) => now())).toBe(false);
    network.heal();
    await expect.poll(() => hears.every((now) => now()), soon).toBe(true);
    expect(await listeners()).toBe(1);
    expect(network.lines()).toBe(1);
  });

  test("a dropped connection is reopened, and listeners are notified that they may have missed something", async () => {
    const hears = listen();
    await expect.poll(() => heard, soon).toBe(1);
    for (let drop = 1; drop <= 3; drop++) {
      network.drop();
      await expect.poll(() => heard, soon).toBe(1 + drop);
    }
    expect(hears()).toBe(true);
    await server.query(`notify ${channel}`);
    await expect.poll(() => heard, soon).toBe(5);
    expect(network.lines()).toBe(1);
  });

  test("after the end, nothing remains open and nothing restarts", async () => {
    const hears = listen();
    await expect.poll(hears, soon).toBe(true);
    await listening.end();
    await expect.poll(() => network.lines(), soon).toBe(0);
    await expect.poll(listeners, soon).toBe(0);
    await pause(0);
    expect(hears()).toBe(false);
  });
});
