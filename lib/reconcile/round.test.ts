import { eq, inArray, sql } from "drizzle-orm";
import { describe, expect, inject, test, vi } from "vitest";
import { listSilent } from "./candidates";
import { isIncident } from "@/lib/connections/observations/incidents";
import { look } from "@/lib/connections/look/look";
import { silentAt } from "./policy";
import { forgetLooks, noticed, withWorld } from "@/lib/testing/connections";
import { database } from "@/lib/db/client";
import { incidents } from "@/lib/db/schema/incidents";
import { connections, episodes } from "@/lib/db/schema/connections";
import { snapTradeUsers } from "@/lib/db/schema/users";
import { rounds, snapTradeCalls, snapTradeLimits } from "@/lib/db/schema/work";
import { withDatabase } from "@/lib/testing/with-database";
import { reconcile } from "./round";

withDatabase();
const { emulator, makePerson, makePeople } = withWorld();

const minuteMs = 60_000;

describe("the round", () => {
  test("finds every break whose webhook was lost, and records that the timer noticed it", async () => {
    const people = await Promise.all(Array.from({ length: 12 }, () => makePerson()));
    for (const { path, ids } of people) await emulator.post(`${path}/connections/${ids[0]}/break`);
    await forgetLooks();
    const counts = await reconcile();
    expect(counts).toMatchObject({
      looks: { made: 12, failed: 0 },
      webhooks: { received: false },
      bound: { watched: 12 },
    });
    expect(await noticed(people.flatMap(({ ids }) => ids))).toEqual(
      Array.from({ length: 12 }, () => "timer"),
    );
  });

  test("one failing person among many stops no one else, and the next round handles what is left over", async () => {
    // The embedded database only handles a few people.
    const [poisoned, ...others] = await makePeople(inject("postgresUrl") ? 300 : 100);
    await emulator.post(`${poisoned?.path ?? ""}/faults`, { endpoint: "list", kind: "status", status: 500 });
    await Promise.all(others.map(({ path, ids }) => emulator.post(`${path}/connections/${ids[0]}/break`)));
    await forgetLooks();
    let [made, failed] = [0, 0];
    for (let round = 0; round < 6 && made < others.length; round++) {
      const counts = await reconcile();
      made += counts?.looks?.made ?? 0;
      failed += counts?.looks?.failed ?? 0;
      await (await database()).update(rounds).set({ lockedUntil: new Date(0) });
    }
    expect(made).toBe(others.length);
    expect(failed).toBeGreaterThan(0);
    expect(await noticed(others.flatMap(({ ids }) => ids))).toHaveLength(others.length);
  }, 120_000);

  test("after a 429 no more requests are sent, and no one's connections become unknown", async () => {
    const people = await Promise.all(Array.from({ length: 10 }, () => makePerson()));
    await emulator.post("/faults", { endpoint: "list", kind: "rate_limited", retryAfterSeconds: 30 });
    await forgetLooks();
    const before = await requestsSent();
    expect(await reconcile()).toMatchObject({ looks: { made: 0, failed: 0 } });
    expect((await requestsSent()) - before).toBeLessThanOrEqual(6);
    await (await database()).update(rounds).set({ lockedUntil: new Date(0) });
    const afterwards = await requestsSent();
    await reconcile();
    expect((await look(people[0]?.userId ?? "")).looked).toBe(false);
    expect(await requestsSent()).toBe(afterwards);
    const db = await database();
    expect(
      await db
        .select()
        .from(snapTradeUsers)
        .where(sql`${snapTradeUsers.lookFailedAt} is not null`),
    ).toEqual([]);
  });

  test("uses at most 60 % of the limit", async () => {
    await Promise.all(Array.from({ length: 30 }, () => makePerson()));
    await forgetLooks();
    const db = await database();
    await db.delete(snapTradeCalls);
    await emulator.post("/settings", { rateLimit: 20 });
    await db.update(snapTradeLimits).set({ perMinute: 20, remaining: null });
    const before = await requestsSent();
    await reconcile();
    expect((await requestsSent()) - before).toBeLessThanOrEqual(12);
  });

  test("is held by one process at a time, and taken over from a dead one", async () => {
    await makePerson();
    await forgetLooks();
    vi.resetModules();
    const other = await import("./round");
    const both = await Promise.all([reconcile(), other.reconcile()]);
    expect(both.filter((counts) => counts !== null)).toHaveLength(1);
    const db = await database();
    await db.update(rounds).set({ lockedUntil: new Date(Date.now() + minuteMs) });
    expect(await reconcile()).toBeNull();
    await db.update(rounds).set({ lockedUntil: new Date(Date.now() - 1) });
    expect(await reconcile()).not.toBeNull();
  });

  test("closes a portal session whose person never came back", async () => {
    const { openReconnect } = await import("@/lib/connections/portal/open");
    const { userId, path, ids } = await makePerson();
    const [connectionId = ""] = ids;
    await emulator.post(`${path}/connections/${connectionId}/break`);
    await look(userId, new Date());
    const { view } = await openReconnect({
      userId,
      connectionId,
      darkMode: false,
      now: new Date(Date.now() - 11 * minuteMs),
    });
    await emulator.post(`${path}/advance`, { seconds: 5 });
    await emulator.post(`${path}/connections/${connectionId}/fix`);
    expect(await reconcile(new Date())).toMatchObject({ sessions: 1 });
    const db = await database();
    const { portalSessions } = await import("@/lib/db/schema/portal");
    const [session] = await db
      .select()
      .from(portalSessions)
      .where(eq(portalSessions.id, view.portalSessionId));
    expect(session?.outcome).toBe("fixed");
  });
});

describe("an outage", () => {
  test("of six hours disables no connection, and breaks during it are found by the first round afterwards", async () => {
    const people = await Promise.all(Array.from({ length: 8 }, () => makePerson()));
    await emulator.post("/faults", { endpoint: "*", kind: "status", status: 503 });
    for (let hour = 0; hour < 6; hour++) {
      await forgetLooks();
      expect(await reconcile()).toMatchObject({ looks: { made: 0, failed: 8 } });
    }
    expect(await noticed(people.flatMap(({ ids }) => ids))).toEqual([]);
    await emulator.clearFaults("/faults");
    for (const { path, ids } of people) await emulator.post(`${path}/connections/${ids[0]}/break`);
    await forgetLooks();
    await reconcile();
    expect(await noticed(people.flatMap(({ ids }) => ids))).toHaveLength(8);
  });
});

describe("silence", () => {
  test("is judged in the database exactly as by the policy", async () => {
    const { userId, ids } = await makePerson();
    const db = await database();
    const now = new Date();
    const hour = 3_600_000;
    for (const [heartbeats, gapHours, sinceHours] of [
      [3, 24, 32],
      [3, 24, 30.9],
      [2, 24, 40],
      [9, 6, 9],
      [9, 6, 8],
    ] as const) {
      const lastHeartbeatAt = new Date(now.getTime() - sinceHours * hour);
      const old = new Date(now.getTime() - 90 * hour);
      await db
        .update(connections)
        .set({ heartbeats, heartbeatGapMs: gapHours * hour, lastHeartbeatAt, observedAt: old })
        .where(inArray(connections.id, ids));
      await db.update(snapTradeUsers).set({ lookedAt: old }).where(eq(snapTradeUsers.userId, userId));
      const silent = silentAt({ heartbeats, lastHeartbeatAt, gapMs: gapHours * hour }, new Date(0));
      const expected = silent && silent <= now ? [{ userId }] : [];
      expect(await listSilent(now, 10, new Date(0))).toEqual(expected);
      expect(await listSilent(now, 10, now)).toEqual([]);
      await db.update(snapTradeUsers).set({ lookedAt: now }).where(eq(snapTradeUsers.userId, userId));
      expect(await listSilent(now, 10, new Date(0))).toEqual([]);
    }
  });
});

describe("an incident", () => {
  test("is far more breaks than usual, and never just a few", () => {
    expect(isIncident(4, 0)).toBe(false);
    expect(isIncident(5, 0)).toBe(true);
    expect(isIncident(20, 10)).toBe(false);
    expect(isIncident(60, 10)).toBe(true);
  });

  test("is recognized, and ends after half an hour of calm", async () => {
    const people = await Promise.all(Array.from({ length: 6 }, () => makePerson()));
    for (const { path, ids, userId } of people) {
      await emulator.post(`${path}/connections/${ids[0]}/break`);
      await look(userId, new Date());
    }
    const begun = await reconcile();
    expect(begun?.incidents?.begun).toHaveLength(1);
    const { listConnectionViews } = await import("@/lib/connections/pages/list");
    const moment = (ms = 0) => ({ now: new Date(Date.now() + ms), dayStartedAt: new Date(0) });
    const [first] = people;
    expect((await listConnectionViews(first?.userId ?? "", moment())).connections[0]).toMatchObject({
      status: "disabled-incident",
      canReconnect: true,
    });
    const db = await database();
    await db.update(episodes).set({ brokeAt: sql`${episodes.brokeAt} - interval '1 hour'` });
    await db.update(incidents).set({ lastSeenAt: new Date(Date.now() - 31 * minuteMs) });
    await db.update(rounds).set({ lockedUntil: new Date(0) });
    expect((await reconcile())?.incidents?.ended).toHaveLength(1);
    expect((await listConnectionViews(first?.userId ?? "", moment())).connections[0]).toMatchObject({
      status: "disabled",
    });
  });
});

async function requestsSent(): Promise<number> {
  const { requests } = await emulator.get<{ requests: unknown[] }>("/state");
  return requests.length;
}
