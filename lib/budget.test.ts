import fc from "fast-check";
import { desc, sql } from "drizzle-orm";
import { beforeEach, describe, expect, test, vi } from "vitest";
import {
  admit,
  backgroundPerMinute,
  forgetOldCalls,
  inBackground,
  recordLimits,
  recordRefusal,
  roomForBackground,
  type Admission,
} from "./budget";
import { env } from "./base/env";
import { database } from "./db/client";
import { snapTradeCalls, snapTradeLimits } from "@/lib/db/schema/work";
import { withDatabase } from "@/lib/testing/with-database";

withDatabase();

const minuteMs = 60_000;

beforeEach(async () => {
  env().SNAPTRADE_BUDGET_SHARE = 1;
  const db = await database();
  await db.delete(snapTradeCalls);
  await db.delete(snapTradeLimits);
  await db.insert(snapTradeLimits).values({ id: 1, perMinute: 250 });
});

const admitted = async (times: number, ask: (index: number) => Promise<Admission>) => {
  const answers = await Promise.all(Array.from({ length: times }, (_, index) => ask(index)));
  return answers.filter((answer) => answer.admitted).length;
};
const asBackground = () => inBackground(() => admit());
const asStranger = (index: number) => admit(`person ${index}`);

async function latestCallId(): Promise<number> {
  const db = await database();
  const [latest] = await db.select().from(snapTradeCalls).orderBy(desc(snapTradeCalls.id)).limit(1);
  return latest?.id ?? 0;
}

async function callIdOf(asking: Promise<Admission>): Promise<number> {
  const admission = await asking;
  if (!admission.admitted) throw new Error("Not admitted");
  return admission.callId;
}

/** As if this many seconds had passed. */
async function pass(count: number) {
  const db = await database();
  const ago = (column: string) =>
    sql`${sql.identifier(column)} = ${sql.identifier(column)} - interval '1 second' * ${count}`;
  await db.execute(sql`update snaptrade_calls set ${ago("at")}, ${ago("answered_at")}`);
  const times = [
    "per_minute_until",
    "remaining_until",
    "remaining_heard_at",
    "blocked_until",
    "refused_at",
  ].map(ago);
  await db.execute(sql`update snaptrade_limits set ${sql.join(times, sql`, `)}`);
}

describe("the shares of a minute", () => {
  test("the background gets 60 % of the limit, however many requests are concurrent", async () => {
    expect(await admitted(200, asBackground)).toBe(150);
    expect(await roomForBackground()).toBe(0);
  });

  test("where the company's own servers use the rest of the limit, only our share of it is used", async () => {
    env().SNAPTRADE_BUDGET_SHARE = 0.4;
    expect(await backgroundPerMinute()).toBe(60);
    expect(await admitted(70, asBackground)).toBe(60);
    expect(await admitted(50, asStranger)).toBe(40);
    // What SnapTrade reports is everybody's, so it is shared too: of our 200, 100 are used and 80 are people's.
    await recordLimits(await latestCallId(), { limit: 500, remaining: 400, resetSeconds: 30 });
    expect(await roomForBackground()).toBe(20);
    await pass(60);
    await recordLimits(await latestCallId(), { limit: 500, remaining: 20, resetSeconds: 30 });
    expect(await roomForBackground()).toBeLessThanOrEqual(20);
    // Even the smallest share of the smallest limit is enough for people and for the background.
    env().SNAPTRADE_BUDGET_SHARE = 0.05;
    await recordLimits(await latestCallId(), { limit: 10 });
    await pass(61);
    expect(await backgroundPerMinute()).toBe(3);
    expect(await admitted(10, asStranger)).toBe(4);
    expect(await asBackground()).toMatchObject({ admitted: true });
  });

  test("people are admitted after the background has used up its share", async () => {
    await admitted(200, asBackground);
    expect(await admitted(100, asStranger)).toBe(100);
  });

  test("everyone together never exceeds the limit, and has to wait until the oldest request leaves the minute", async () => {
    await callIdOf(asBackground());
    await pass(20);
    await admitted(300, asBackground);
    await admitted(300, asStranger);
    const db = await database();
    expect(await db.$count(snapTradeCalls)).toBe(250);
    const refused = await admit("somebody");
    expect(refused).toMatchObject({ admitted: false, limitedBy: "everybody" });
    if (refused.admitted) return;
    expect(refused.retryAfterSeconds).toBeLessThanOrEqual(40);
    await pass(refused.retryAfterSeconds);
    expect(await admit("somebody")).toMatchObject({ admitted: true });
  });

  test("the background yields to what people have used, but people cannot use up its 20 % reserve", async () => {
    expect(await admitted(300, asStranger)).toBe(200);
    expect(await admitted(100, asBackground)).toBe(50);
  });

  test("calls older than a minute no longer count, and are later deleted", async () => {
    await admitted(200, asBackground);
    await pass(61);
    expect(await asBackground()).toMatchObject({ admitted: true });
    await pass(60);
    await forgetOldCalls();
    const db = await database();
    expect(await db.$count(snapTradeCalls)).toBe(1);
  });
});

describe("one person's share", () => {
  test("a person who asks 240 times gets 40, is refused as that person only, and delays no one else", async () => {
    expect(await admitted(240, () => admit("A"))).toBe(40);
    expect(await admit("A")).toMatchObject({ admitted: false, limitedBy: "person" });
    expect(await admitted(20, () => admit("B"))).toBe(20);
    expect(await admitted(60, asBackground)).toBe(60);
  });

  test("six people asking as often as they may leave room for a newcomer and for the background", async () => {
    for (let index = 0; index < 6; index += 1) await admitted(41, () => admit(`greedy ${index}`));
    expect(await admitted(5, () => admit("newcomer"))).toBe(5);
    expect(await admitted(60, asBackground)).toBeGreaterThanOrEqual(50);
  });

  test("a repair that asks every three seconds is never blocked by another person who asks continuously", async () => {
    for (let step = 0; step < 25; step += 1) {
      await pass(3);
      await admitted(12, () => admit("greedy"));
      expect(await admit("repairing")).toMatchObject({ admitted: true });
    }
  });

  test("calls not tied to a person share one person's limit", async () => {
    expect(await admitted(100, () => admit())).toBe(40);
    expect(await admit("A")).toMatchObject({ admitted: true });
  });
});

describe("SnapTrade's headers", () => {
  test("prevail when SnapTrade has counted more than we have", async () => {
    await recordLimits(await callIdOf(admit("A")), { limit: 250, remaining: 0, resetSeconds: 30 });
    expect(await admit("B")).toEqual({ admitted: false, retryAfterSeconds: 30, limitedBy: "everybody" });
  });

  test("lower the shares when another client uses the same key, until they are too old", async () => {
    await recordLimits(await callIdOf(admit("A")), { limit: 100, remaining: 99, resetSeconds: 60 });
    expect(await backgroundPerMinute()).toBe(60);
    await recordLimits(await callIdOf(admit("A")), { limit: 100, remaining: 28, resetSeconds: 60 });
    expect(await roomForBackground()).toBe(16);
    await pass(61);
    expect(await roomForBackground()).toBe(60);
    await pass(61);
    expect(await backgroundPerMinute()).toBe(150);
  });

  test("a remaining count of one admits one call, not ten concurrent ones, and calls in flight count too", async () => {
    const first = await callIdOf(admit("A"));
    await recordLimits(first, { limit: 250, remaining: 1 });
    expect(await admitted(10, asStranger)).toBe(1);

    await pass(61);
    const [asked, underWay] = [await callIdOf(admit("A")), await callIdOf(admit("B"))];
    await recordLimits(asked, { limit: 250, remaining: 1 });
    expect(await admit("C")).toMatchObject({ admitted: false });
    await recordLimits(underWay, { limit: 250, remaining: 1 });
    expect(await admit("C")).toMatchObject({ admitted: true });
  });

  test("an older call's answer that arrives later changes nothing", async () => {
    const [older, newer] = [await callIdOf(admit("A")), await callIdOf(admit("B"))];
    await recordLimits(newer, { limit: 250, remaining: 0, resetSeconds: 60 });
    await recordLimits(older, { limit: 250, remaining: 200, resetSeconds: 60 });
    expect(await admit("C")).toMatchObject({ admitted: false });
  });

  test.each([0, -1, Number.NaN, 1e9, 1.5, Number.POSITIVE_INFINITY])(
    "a limit of %s is ignored",
    async (limit) => {
      await recordLimits(await callIdOf(admit("A")), { limit });
      expect(await backgroundPerMinute()).toBe(150);
    },
  );

  test("whatever the headers say, everyone is admitted again after two minutes, and never more than 250 before the next answer", async () => {
    const absurd = fc.option(fc.oneof(fc.double(), fc.integer()), { nil: undefined });
    await fc.assert(
      fc.asyncProperty(
        fc.record({ limit: absurd, remaining: absurd, resetSeconds: absurd }),
        async (reported) => {
          const db = await database();
          await db.delete(snapTradeCalls);
          await db.update(snapTradeLimits).set({ remainingUntil: null, blockedUntil: null });
          const callId = await callIdOf(admit("A"));
          await recordLimits(callId, reported);
          await recordRefusal(callId, reported.resetSeconds);
          await pass(121);
          expect(await asBackground()).toMatchObject({ admitted: true });
          expect(await admit("B")).toMatchObject({ admitted: true });
          expect(await roomForBackground()).toBeLessThanOrEqual(150);
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe("after a 429", () => {
  const blockedFor = async (ask: () => Promise<Admission>) => {
    const admission = await ask();
    return admission.admitted ? 0 : admission.retryAfterSeconds;
  };

  test("nobody is admitted before its reset, the background only after twice that time, and a shorter reset changes nothing", async () => {
    const callId = await callIdOf(admit("A"));
    await recordRefusal(callId, 30);
    await recordRefusal(callId, 5);
    expect(await blockedFor(() => admit("B"))).toBe(30);
    expect(await blockedFor(asBackground)).toBe(60);
    await pass(31);
    expect(await blockedFor(() => admit("B"))).toBe(0);
    expect(await blockedFor(asBackground)).toBeGreaterThan(20);
  });

  test("without a reported wait, people wait five seconds, then longer each time, up to a minute", async () => {
    const waits: number[] = [];
    for (let refusal = 0; refusal < 6; refusal += 1) {
      const callId = await callIdOf(admit(`person ${refusal}`));
      // Calls in flight together are refused together.
      await Promise.all([recordRefusal(callId, undefined), recordRefusal(callId, undefined)]);
      const wait = await blockedFor(() => admit("B"));
      waits.push(wait);
      await pass(wait + 1);
    }
    expect(waits).toEqual([5, 10, 20, 40, 60, 60]);
    await recordLimits(await callIdOf(admit("C")), {});
    await recordRefusal(await callIdOf(admit("D")), undefined);
    expect(await blockedFor(() => admit("B"))).toBe(5);
  });

  test.each([
    [1e12, 120],
    [0, 1],
    [-5, 1],
    [Number.NaN, 5],
  ])("a wait of %s seconds counts as %s", async (seconds, counted) => {
    await recordRefusal(await callIdOf(admit("A")), seconds);
    expect(await blockedFor(() => admit("B"))).toBe(counted);
  });

  test("lifting a block lifts it for the background too", async () => {
    await recordRefusal(await callIdOf(admit("A")), 60);
    const db = await database();
    await db.update(snapTradeLimits).set({ blockedUntil: null });
    expect(await asBackground()).toMatchObject({ admitted: true });
  });

  test("a block longer than any process could have set is ignored", async () => {
    const db = await database();
    await db
      .update(snapTradeLimits)
      .set({ blockedUntil: new Date("2083-01-01"), remaining: 0, remainingUntil: new Date("2083-01-01") });
    expect(await admit("A")).toMatchObject({ admitted: true });
    expect(await asBackground()).toMatchObject({ admitted: true });
  });
});

describe("clocks", () => {
  test("two processes whose clocks are ten minutes apart share one minute", async () => {
    try {
      for (const skewMs of [10 * minuteMs, -10 * minuteMs]) {
        vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + skewMs });
        await recordLimits(await callIdOf(admit("A")), { limit: 250, remaining: 200, resetSeconds: 60 });
        vi.useRealTimers();
      }
      expect(await admitted(300, asStranger)).toBeLessThanOrEqual(200);
      expect(await admit("B")).toMatchObject({ admitted: false });
      await pass(61);
      expect(await admit("B")).toMatchObject({ admitted: true });
    } finally {
      vi.useRealTimers();
    }
  });
});
