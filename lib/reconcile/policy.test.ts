import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { boundMs, chooseLooks, floorShare, riskPerDay, silentAt, waitFor } from "./policy";
import { daysToUsualEnd } from "@/lib/connections/observations/lifetimes";

const now = new Date("2026-11-21T12:00:00Z");
const daysAgo = (days: number) => new Date(now.getTime() - days * 86_400_000);
/** Access at this brokerage lasts about thirty days. */
const lifetimes = Array.from({ length: 19 }, (_, index) => 26 + index * 0.5);
const aged = (days: number) => ({ enabled: true, worksSince: daysAgo(days), lifetimes });

const names = fc
  .array(fc.integer({ min: 0, max: 40 }).map(String), { maxLength: 30 })
  .map((list) => [...new Set(list)]);
const someCandidates = fc.record({
  inPortal: names,
  due: names,
  silent: names,
  risky: names,
  stalest: names,
});

describe("risk", () => {
  test("grows toward the age at which connections at that brokerage break", () => {
    expect(riskPerDay(aged(29), now)).toBeGreaterThan(20 * riskPerDay(aged(5), now));
    expect(riskPerDay(aged(45), now)).toBeGreaterThan(10 * riskPerDay(aged(5), now));
  });

  test("has a default where too little is known, and is zero where nothing works", () => {
    expect(riskPerDay({ ...aged(29), lifetimes: null }, now)).toBe(1 / 30);
    expect(riskPerDay({ ...aged(29), enabled: false }, now)).toBe(0);
  });

  test("is positive and finite for working connections, and so is the wait", () => {
    const age = fc.double({ min: -10, max: 4000, noNaN: true });
    const history = fc.option(
      fc
        .array(fc.double({ min: 0, max: 900, noNaN: true }), { minLength: 19, maxLength: 19 })
        .map((days) => days.sort((a, b) => a - b)),
    );
    fc.assert(
      fc.property(age, history, (days, lived) => {
        const connection = { enabled: true, worksSince: daysAgo(days), lifetimes: lived };
        expect(riskPerDay(connection, now)).toBeGreaterThan(0);
        expect(waitFor([connection], 600_000, now)).toBeGreaterThanOrEqual(60_000);
        expect(Number.isFinite(waitFor([connection], 600_000, now))).toBe(true);
      }),
    );
  });

  test("shortens the wait by its square root; without working connections the wait is long", () => {
    const wait = (days: number) => waitFor([aged(days)], 3_600_000, now);
    expect(wait(29)).toBeLessThan(wait(5));
    expect(waitFor([{ ...aged(29), enabled: false }], 3_600_000, now)).toBe(36_000_000);
  });
});

describe("the expected end of access", () => {
  test("is predicted only when it is near, from the history of that brokerage alone", () => {
    expect(daysToUsualEnd(aged(28), now)).toBe(3);
    expect(daysToUsualEnd(aged(31), now)).toBe(1);
    expect(daysToUsualEnd(aged(10), now)).toBeNull();
    expect(daysToUsualEnd(aged(60), now)).toBeNull();
    expect(daysToUsualEnd({ ...aged(28), lifetimes: null }, now)).toBeNull();
    expect(daysToUsualEnd({ ...aged(28), enabled: false }, now)).toBeNull();
  });
});

describe("silence", () => {
  const daily = { heartbeats: 3, lastHeartbeatAt: daysAgo(2), gapMs: 86_400_000 };

  test("is judged by the connection's own rhythm, and only after three heartbeats", () => {
    expect(silentAt(daily, daysAgo(10))).toEqual(
      new Date(daily.lastHeartbeatAt.getTime() + 1.25 * 86_400_000 + 3_600_000),
    );
    expect(silentAt({ ...daily, heartbeats: 2 }, daysAgo(10))).toBeNull();
  });

  test("does not count heartbeats that were due while we were down", () => {
    expect(silentAt(daily, daysAgo(0.9))).toBeNull();
    expect(silentAt(daily, daysAgo(1.1))).not.toBeNull();
  });
});

describe("chosen looks", () => {
  test("fill the room exactly if there are enough people, and include no one twice", () => {
    fc.assert(
      fc.property(someCandidates, fc.integer({ min: 0, max: 60 }), (candidates, room) => {
        const chosen = chooseLooks(candidates, room);
        const everybody = new Set(Object.values(candidates).flat());
        expect(new Set(chosen).size).toBe(chosen.length);
        expect(chosen.length).toBe(Math.min(room, everybody.size));
      }),
    );
  });

  test("include the stalest people's share, whatever else is urgent", () => {
    fc.assert(
      fc.property(someCandidates, fc.integer({ min: 1, max: 60 }), (candidates, room) => {
        const chosen = new Set(chooseLooks(candidates, room));
        const owed = Math.min(Math.ceil(room * floorShare), candidates.stalest.length, room);
        const servedFirst = candidates.stalest.slice(0, owed).filter((userId) => chosen.has(userId)).length;
        expect(servedFirst).toBe(owed);
      }),
    );
  });

  test("put the portal before requested looks, those before silence, and silence before risk", () => {
    const one = { inPortal: ["portal"], due: ["due"], silent: ["silent"], risky: ["risky"], stalest: [] };
    expect(chooseLooks(one, 4)).toEqual(["portal", "due", "silent", "risky"]);
    expect(chooseLooks(one, 2)).toEqual(["portal", "due"]);
  });

  test("are enough for the bound that the stalest's share guarantees", () => {
    expect(boundMs(1_000, 150)).toBeCloseTo((1_000 / (150 * floorShare)) * 60_000);
  });
});
