import { expect, test } from "vitest";
import { timelineOf } from "./timeline";

const at = (seconds: number) => new Date(Date.parse("2026-11-17T09:14:20Z") + seconds * 1000);
const episode = {
  brokeAt: at(0),
  noticedAt: at(2),
  noticedBy: "webhook" as const,
  endedAt: null,
  endedHow: null,
  notices: [],
};
const session = {
  startedAt: at(100),
  openedAt: at(99),
  outcome: "failed",
  endedAt: at(150),
  reportedStatus: "ABANDONED" as const,
  reportedCode: null as string | null,
  signInResult: null,
};
const history = {
  state: "disabled" as const,
  accounts: [],
  episodes: [episode],
  portalSessions: [session],
  brokerage: { incidents: [] },
};
const kinds = (...parameters: Parameters<typeof timelineOf>) =>
  timelineOf(...parameters).map(({ kind }) => kind);

test("an open episode ends with the last check and with what comes next", () => {
  const withData = { ...history, accounts: [{ holdingsAt: at(-140) }] };
  expect(kinds(withData, at(300))).toEqual([
    "last-data",
    "stopped",
    "reported-by-webhook",
    "portal-opened",
    "still-disabled",
    "to-come",
  ]);
  expect(timelineOf(withData, null)[3]).toMatchObject({ seconds: 50, ending: "not-finished" });
});

test("a repair within the same second as the click comes after it", () => {
  const fixed = { ...episode, endedAt: at(99), endedHow: "fixed" as const };
  const repaired = {
    ...history,
    state: "enabled" as const,
    episodes: [fixed],
    portalSessions: [{ ...session, outcome: "fixed" }],
  };
  expect(kinds(repaired, at(300))).toEqual(["stopped", "reported-by-webhook", "portal-opened", "fixed"]);
});

test("a portal session of an earlier episode, or one that never opened, is left out", () => {
  const portalSessions = [
    { ...session, startedAt: at(-500), openedAt: at(-500) },
    { ...session, outcome: "not-opened" },
  ];
  expect(kinds({ ...history, portalSessions }, null)).toEqual(["stopped", "reported-by-webhook", "to-come"]);
});

test("a portal session says how it ended, according to the portal or to SnapTrade", () => {
  const endingOf = (more: object) =>
    timelineOf({ ...history, portalSessions: [{ ...session, ...more }] }, null)[2]?.ending;
  expect(endingOf({ reportedStatus: "ERROR", reportedCode: "1066" })).toBe("sign-in-refused");
  expect(endingOf({ signInResult: "DIFFERENT_ACCOUNT" })).toBe("different-login");
  expect(endingOf({ outcome: null, endedAt: null, reportedStatus: null })).toBe("open");
});

test("e-mails appear when they were sent, the receipt after the repair", () => {
  const mail = (kind: "broke" | "fixed", sentAt: Date) => ({ kind, sentAt, subject: `It is about ${kind}` });
  const fixed = {
    ...episode,
    endedAt: at(900),
    endedHow: "fixed" as const,
    notices: [mail("fixed", at(899)), mail("broke", at(600))],
  };
  const entries = timelineOf({ ...history, state: "enabled", episodes: [fixed], portalSessions: [] }, null);
  expect(entries.map(({ kind, subject }) => subject ?? kind)).toEqual([
    "stopped",
    "reported-by-webhook",
    "It is about broke",
    "fixed",
    "It is about fixed",
  ]);
});

test("a break during an incident says so, one after it does not", () => {
  const inIncident = (beganAt: Date, endedAt: Date | null) =>
    timelineOf({ ...history, brokerage: { incidents: [{ beganAt, endedAt }] } }, null)[0]?.inIncident;
  expect(inIncident(at(-60), null)).toBe(true);
  expect(inIncident(at(-60), at(60))).toBe(true);
  expect(inIncident(at(-600), at(-60))).toBe(false);
});

test("a connection that never broke has no timeline", () => {
  expect(timelineOf({ ...history, episodes: [] }, at(0))).toEqual([]);
});
