import { beforeEach, describe, expect, test } from "vitest";
import { admit, backgroundPerMinute, inBackground, noteLimits, noteRefusal, roomForBackground } from "./budget";
import { database } from "./db/client";
import { snapTradeCalls, snapTradeLimits } from "./db/work-schema";
import { withDatabase } from "./db/testing/with-database";

withDatabase();

beforeEach(async () => {
  const db = await database();
  await db.delete(snapTradeCalls);
  await db.update(snapTradeLimits).set({ perMinute: 250, remaining: null, remainingUntil: null, blockedUntil: null });
});

const admitted = async (times: number, ask: () => ReturnType<typeof admit>) => {
  const answers = await Promise.all(Array.from({ length: times }, ask));
  return answers.filter((answer) => answer.admitted).length;
};

describe("the budget", () => {
  test("gives the background 60 % of the limit, however many ask at once", async () => {
    expect(await admitted(200, () => inBackground(admit))).toBe(150);
    expect(await roomForBackground(new Date())).toBe(0);
  });

  test("lets people through while the background has used up its share", async () => {
    await admitted(200, () => inBackground(admit));
    expect(await admitted(100, admit)).toBe(100);
  });

  test("never lets all together exceed the limit, and says when the oldest request leaves the minute", async () => {
    const db = await database();
    await db.insert(snapTradeCalls).values({ at: new Date(Date.now() - 20_000), background: true });
    expect(await admitted(300, admit)).toBe(249);
    expect(await admit()).toEqual({ admitted: false, retryAfterSeconds: expect.closeTo(40, -1) as number });
  });

  test("sends nobody where SnapTrade counts more than we do", async () => {
    await noteLimits({ limit: 250, remaining: 0, resetSeconds: 30 });
    expect(await admit()).toEqual({ admitted: false, retryAfterSeconds: 30 });
  });

  test("makes the background give way to what people have used", async () => {
    expect(await admitted(180, admit)).toBe(180);
    expect(await admitted(200, () => inBackground(admit))).toBe(0);
  });

  test("forgets what is older than a minute", async () => {
    const db = await database();
    const old = new Date(Date.now() - 61_000);
    await db.insert(snapTradeCalls).values(Array.from({ length: 250 }, () => ({ at: old, background: true })));
    expect(await inBackground(admit)).toEqual({ admitted: true });
  });

  test("follows what SnapTrade's headers say, also when somebody else uses the same key", async () => {
    await noteLimits({ limit: 100, remaining: 100, resetSeconds: 60 });
    expect(await backgroundPerMinute()).toBe(60);
    await noteLimits({ limit: 100, remaining: 45, resetSeconds: 60 });
    expect(await roomForBackground(new Date())).toBe(5);
    expect(await roomForBackground(new Date(Date.now() + 61_000))).toBe(60);
  });

  test("after a 429 admits nobody before its reset, and a shorter one takes nothing back", async () => {
    await noteRefusal(30);
    await noteRefusal(5);
    for (const ask of [admit, () => inBackground(admit)]) {
      expect(await ask()).toMatchObject({ admitted: false, retryAfterSeconds: 30 });
    }
  });
});
