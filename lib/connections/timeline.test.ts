import { expect, test } from "vitest";
import { timelineOf } from "./timeline";

const at = (seconds: number) => new Date(Date.parse("2026-11-17T09:14:20Z") + seconds * 1000);
const episode = { brokeAt: at(0), noticedAt: at(2), noticedBy: "webhook" as const, endedAt: null, endedHow: null };
const trip = { startedAt: at(100), outcome: "failed", endedAt: at(150), claim: { status: "ABANDONED" } };
const kinds = (...parameters: Parameters<typeof timelineOf>) => timelineOf(...parameters).map(({ kind }) => kind);

test("an open episode ends with the last check and with what is to come", () => {
  const history = { state: "disabled" as const, accounts: [{ holdingsAt: at(-140) }], episodes: [episode], portalSessions: [trip] };
  expect(kinds(history, at(300))).toEqual(["last-data", "stopped", "told-by-webhook", "portal-opened", "still-disabled", "to-come"]);
  expect(timelineOf(history, null)[3]).toMatchObject({ seconds: 50, ending: "unfinished" });
});

test("a repair within the same second as the click comes after it", () => {
  const fixed = { ...episode, endedAt: at(99), endedHow: "fixed" as const };
  const history = { state: "enabled" as const, accounts: [], episodes: [fixed], portalSessions: [{ ...trip, outcome: "fixed" }] };
  expect(kinds(history, at(300))).toEqual(["stopped", "told-by-webhook", "portal-opened", "fixed"]);
});

test("a trip of an earlier episode, or one that never opened, is not told", () => {
  const history = {
    state: "disabled" as const,
    accounts: [],
    episodes: [episode],
    portalSessions: [
      { ...trip, startedAt: at(-500) },
      { ...trip, outcome: "not-opened" },
    ],
  };
  expect(kinds(history, null)).toEqual(["stopped", "told-by-webhook", "to-come"]);
});

test("a connection that never broke has no such story", () => {
  expect(timelineOf({ state: "enabled", accounts: [], episodes: [], portalSessions: [] }, at(0))).toEqual([]);
});
