import { sql } from "drizzle-orm";
import { describe, expect, test, vi } from "vitest";
import { noticed, forgetLooks, withWorld } from "@/lib/testing/connections";
import { database } from "@/lib/db/client";
import { withDatabase } from "@/lib/testing/with-database";
import { rounds } from "@/lib/db/schema/work";
import { readHealth } from "@/lib/server/health";
import { maxRoundMs, reconcile, repeat, stepLimitsMs } from "./round";
import { endRound, keepRound, leaseMs, RoundLost, takeRound } from "./lease";
import { stepsWithin } from "./steps";

withDatabase();
const { emulator, makePerson } = withWorld();

const minuteMs = 60_000;
const never = () => new Promise<never>(() => undefined);

/** Renames these tables during `work`, so that everything that reads them fails. */
async function without(tables: string[], work: () => Promise<void>) {
  const db = await database();
  const rename = (from: string, to: string) => db.execute(sql.raw(`alter table ${from} rename to ${to}`));
  for (const table of tables) await rename(table, `${table}_away`);
  try {
    await work();
  } finally {
    for (const table of tables) await rename(`${table}_away`, table);
  }
}

/** Creates a person with a break that only the timer can discover. */
async function makeBroken() {
  const person = await makePerson();
  await emulator.post(`${person.path}/connections/${person.ids[0]}/break`);
  await forgetLooks();
  return person;
}

describe("a step of the round", () => {
  const limitsMs = { first: 1_000, second: 20, third: 1_000 };

  test("that throws or hangs is reported by name, and the next one runs", async () => {
    const { step, failed } = stepsWithin(limitsMs, () => Promise.resolve());
    expect(await step("first", () => Promise.reject(new Error("no")))).toBeNull();
    expect(await step("second", never)).toBeNull();
    expect(await step("third", () => Promise.resolve(3))).toBe(3);
    expect(failed).toEqual(["first", "second"]);
  });

  test("does not begin in a round that was lost", async () => {
    const { step } = stepsWithin(limitsMs, () => Promise.reject(new RoundLost()));
    const run = vi.fn(() => Promise.resolve());
    await expect(step("first", run)).rejects.toThrow(RoundLost);
    expect(run).not.toHaveBeenCalled();
  });

  test("has a limit below the round's lease, and all of them together stay below the health check's", () => {
    const limits = Object.values(stepLimitsMs);
    expect(Math.max(...limits) + 10_000).toBeLessThan(leaseMs);
    expect(maxRoundMs).toBeLessThan(5 * minuteMs);
  });

  test.each([
    ["incidents", "incidents"],
    ["brokerages", "brokerages"],
    ["portal_sessions", "sessions"],
    ["notices", "notices"],
  ])(
    "fails without the table %s and is reported by name, and the rest of the round still runs",
    async (table, name) => {
      await makePerson();
      await forgetLooks();
      await without([table], async () => {
        const counts = await reconcile();
        expect(counts?.failed).toContain(name);
        expect(counts?.inbox).toMatchObject({ failed: 0, stopped: [] });
        expect(counts?.events).not.toBeNull();
      });
      await forgetLooks();
      expect(await reconcile()).toMatchObject({ failed: [] });
    },
  );

  test("may fail along with all the others, and the round still ends and reports them", async () => {
    const tables = [
      "snaptrade_calls",
      "webhook_event_ids",
      "inbox_events",
      "connections",
      "portal_sessions",
      "users",
      "snaptrade_users",
      "former_snaptrade_users",
      "brokerages",
      "notices",
      "episodes",
      "fix_sessions",
      "events",
      "event_endpoints",
    ];
    await without(tables, async () => {
      const counts = await reconcile();
      const inParts = ["inbox", "retention"];
      const failed = counts?.failed ?? [];
      const expected = Object.keys(stepLimitsMs).filter((name) => !inParts.includes(name));
      expect(new Set(failed.filter((name) => !name.startsWith("retention/")))).toEqual(
        new Set([...expected, "inbox/events", "inbox/heartbeats"]),
      );
      expect(failed).toEqual(expect.arrayContaining(["retention/inbox_events", "retention/notices"]));
    });
    await forgetLooks();
    expect(await reconcile()).toMatchObject({ failed: [] });
  });
});

describe("the people to look at", () => {
  test("are looked at even if silent connections cannot be listed", async () => {
    const { ids } = await makeBroken();
    const db = await database();
    await db.execute(sql`alter table connections rename column silent_at to silent_at_away`);
    try {
      expect(await reconcile()).toMatchObject({
        looks: { made: 1, failed: 0 },
        failed: expect.arrayContaining(["looks/silent"]) as string[],
      });
    } finally {
      await db.execute(sql`alter table connections rename column silent_at_away to silent_at`);
    }
    expect(await noticed(ids)).toEqual(["timer"]);
  });
});

describe("the lease of the round", () => {
  test("is extended before each step, so that no one takes over a round in progress", async () => {
    const now = new Date();
    const round = await takeRound(now);
    expect(await takeRound(new Date(now.getTime() + leaseMs - 1))).toBeNull();
    const db = await database();
    await db.update(rounds).set({ lockedUntil: now });
    if (round) await keepRound(round, 1_000);
    expect(await takeRound(new Date(now.getTime() + leaseMs - 1_000))).toBeNull();
  });

  test("taken by another process ends the round before its next step, and it writes nothing more", async () => {
    const round = await takeRound(new Date());
    const other = await takeRound(new Date(Date.now() + leaseMs));
    if (!round || !other) throw new Error("The round was not taken");
    await expect(keepRound(round, 1_000)).rejects.toThrow(RoundLost);
    await endRound(round, { failed: ["everything"], events: null, lostBreakFoundWithinMinutes: null });
    const [row] = await (await database()).select().from(rounds);
    expect(row?.report).not.toMatchObject({ failed: ["everything"] });
    await expect(keepRound(other, 1_000)).resolves.toBeUndefined();
  });

  test("taken by another process while a round is in progress leaves the rest to it", async () => {
    const { ids } = await makeBroken();
    const db = await database();
    await db.execute(
      sql`create function take_round() returns trigger language plpgsql as 'begin update rounds set fence = fence + 1; return null; end'`,
    );
    await db.execute(
      sql`create trigger take_round after delete on snaptrade_calls for each statement execute function take_round()`,
    );
    try {
      expect(await reconcile()).toBeNull();
    } finally {
      await db.execute(sql`drop trigger take_round on snaptrade_calls`);
    }
    expect(await noticed(ids)).toEqual([]);
  });
});

describe("the timer", () => {
  test("continues after a round that threw, and after one that hangs", async () => {
    let turns = 0;
    const stop = repeat(
      () => (++turns === 1 ? Promise.reject(new Error("no")) : turns === 2 ? never() : Promise.resolve()),
      5,
      20,
    );
    await expect.poll(() => turns).toBeGreaterThan(3);
    stop();
  });

  test("runs one round at a time", async () => {
    let [running, most, turns] = [0, 0, 0];
    const round = async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 12));
      running--;
      turns++;
    };
    const stop = repeat(round, 2, 1_000);
    await expect.poll(() => turns).toBeGreaterThan(2);
    stop();
    expect(most).toBe(1);
  });
});

describe("health", () => {
  const now = new Date();
  const ago = (ms: number) => new Date(now.getTime() - ms);
  const long = ago(24 * 60 * minuteMs);

  async function roundEnded(endedAt: Date | null) {
    await (await database()).update(rounds).set({ endedAt, report: null });
  }

  test("is ok while rounds finish, and reports when the last one ended, what failed in it, and the backlog", async () => {
    await makePerson();
    await forgetLooks();
    await without(["incidents"], async () => {
      await reconcile();
    });
    const health = await readHealth(new Date(), long);
    expect(health).toMatchObject({
      status: "ok",
      events: { waiting: 0, dead: 0 },
      lostBreakFoundWithinMinutes: 1,
    });
    expect(health.lastRound?.failed).toEqual(expect.arrayContaining(["incidents"]));
    expect(Date.now() - (health.lastRound?.endedAt.getTime() ?? 0)).toBeLessThan(minuteMs);
    expect(Object.keys(health).sort()).toEqual([
      "events",
      "lastRound",
      "lostBreakFoundWithinMinutes",
      "mode",
      "status",
    ]);
  });

  test("is not ok once no round has ended for five minutes, with an explanation", async () => {
    await roundEnded(ago(5 * minuteMs));
    expect(await readHealth(now, long)).toMatchObject({ status: "ok" });
    await roundEnded(ago(5 * minuteMs + 1));
    const health = await readHealth(now, long);
    expect(health).toMatchObject({
      status: "no round",
      problem: expect.stringContaining(ago(5 * minuteMs + 1).toISOString()) as string,
    });
    await roundEnded(null);
    expect(await readHealth(now, long)).toMatchObject({
      status: "no round",
      problem: expect.stringContaining("ever") as string,
    });
  });

  test("gives a process that has just started the same time for its first round", async () => {
    await roundEnded(null);
    expect(await readHealth(now, ago(5 * minuteMs))).toMatchObject({ status: "ok" });
    expect(await readHealth(now, ago(5 * minuteMs + 1))).toMatchObject({ status: "no round" });
  });

  test("is not ok when the database does not answer", async () => {
    await without(["rounds"], async () => {
      expect(await readHealth(now, now)).toMatchObject({ status: "database away" });
    });
  });
});
