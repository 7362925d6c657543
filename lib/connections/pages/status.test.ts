import { expect, test } from "vitest";
import { groupOf, statusOf, type ConnectionFacts } from "./status";
import { isLookDue, type LookFacts } from "@/lib/connections/look/due";

const now = new Date("2026-11-20T14:05:00Z");
const moment = { now, dayStartedAt: new Date("2026-11-20T00:00:00Z") };
const minutesAgo = (minutes: number) => new Date(now.getTime() - minutes * 60_000);

const working: ConnectionFacts = {
  disabled: false,
  disabledAt: null,
  deletedAt: null,
  removalRequestedAt: null,
  fixedAt: null,
  openPortal: null,
  unreadableSince: null,
  inIncident: false,
  brokerage: { enabled: true, maintenance: false, degraded: false },
};
const stopped = { ...working, disabled: true, disabledAt: minutesAgo(60) };
const fresh: LookFacts = { lookedAt: minutesAgo(3), lookFailedAt: null, lookDueAt: null };
const failed: LookFacts = { ...fresh, lookFailedAt: minutesAgo(1) };
const withdrawn = { enabled: false, maintenance: true, degraded: false };
const maintenance = { enabled: true, maintenance: true, degraded: true };
const degraded = { enabled: true, maintenance: false, degraded: true };

test.each([
  ["removed", { ...stopped, deletedAt: now, removalRequestedAt: now }, failed],
  ["removing", { ...stopped, removalRequestedAt: now }, failed],
  ["unknown-disabled", { ...stopped, openPortal: { activeAt: now, reportedSuccess: true } }, failed],
  ["unknown-connected", working, failed],
  ["unknown-connected", working, { ...fresh, lookedAt: minutesAgo(25 * 60) }],
  [
    "unsupported",
    { ...stopped, brokerage: withdrawn, openPortal: { activeAt: now, reportedSuccess: false } },
    fresh,
  ],
  ["verifying", { ...stopped, openPortal: { activeAt: minutesAgo(2), reportedSuccess: true } }, fresh],
  [
    "reconnecting",
    { ...stopped, brokerage: maintenance, openPortal: { activeAt: minutesAgo(2), reportedSuccess: false } },
    fresh,
  ],
  ["disabled", { ...stopped, openPortal: { activeAt: minutesAgo(11), reportedSuccess: true } }, fresh],
  ["disabled-incident", { ...stopped, inIncident: true }, fresh],
  ["disabled-maintenance", { ...stopped, inIncident: true, brokerage: maintenance }, fresh],
  [
    "reconnecting",
    { ...stopped, inIncident: true, openPortal: { activeAt: minutesAgo(2), reportedSuccess: false } },
    fresh,
  ],
  ["disabled-maintenance", { ...stopped, brokerage: maintenance }, fresh],
  ["disabled", { ...stopped, brokerage: degraded }, fresh],
  ["maintenance", { ...working, brokerage: maintenance, fixedAt: minutesAgo(5) }, fresh],
  ["degraded", { ...working, brokerage: degraded }, fresh],
  ["fresh", { ...working, fixedAt: minutesAgo(5) }, fresh],
  ["connected", { ...working, fixedAt: minutesAgo(15 * 60) }, fresh],
  ["connected", working, fresh],
] as const)("the first match wins: %s", (expected, connection, look) => {
  expect(statusOf(connection, look, moment)).toBe(expected);
});

test("only statuses that the person can act on are in the group that needs them", () => {
  expect((["disabled", "reconnecting", "verifying"] as const).map(groupOf)).toEqual([
    "needs-you",
    "needs-you",
    "needs-you",
  ]);
  expect(
    (["disabled-maintenance", "unsupported", "removing", "maintenance", "degraded", "removed"] as const).map(
      groupOf,
    ),
  ).not.toContain("needs-you");
});

test("a look is due after five minutes, a minute after a failure, or when something contradicts it", () => {
  expect(isLookDue(fresh, now)).toBe(false);
  expect(isLookDue({ ...fresh, lookedAt: minutesAgo(6) }, now)).toBe(true);
  expect(isLookDue({ ...fresh, lookFailedAt: minutesAgo(0.5) }, now)).toBe(false);
  expect(isLookDue({ ...fresh, lookFailedAt: minutesAgo(2) }, now)).toBe(true);
  expect(isLookDue({ ...fresh, lookDueAt: minutesAgo(0) }, now)).toBe(true);
  expect(
    isLookDue({ lookedAt: minutesAgo(6), lookFailedAt: minutesAgo(0.5), lookDueAt: minutesAgo(2) }, now),
  ).toBe(false);
});
