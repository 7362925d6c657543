import { expect, test } from "vitest";
import { outcomeOf, type PortalFacts } from "./portal-outcome";

const openedAt = new Date("2026-11-20T14:00:00Z");
const after = (seconds: number) => new Date(openedAt.getTime() + seconds * 1000);
const id = "87b24961-b51e-4db8-9226-f198f6518a89";
const stillDisabled = { id, disabled: true, deleted: false, observedAt: after(30), fixedAt: null };
const enabled = { ...stillDisabled, disabled: false, fixedAt: after(30) };

const trip: PortalFacts = {
  intent: "reconnect",
  openedAt,
  claim: null,
  claimedAt: null,
  attemptResult: null,
  wish: null,
  connection: stillDisabled,
  secondConnectionId: null,
  lookedAt: after(30),
};
const claimed = (claim: PortalFacts["claim"], more: Partial<PortalFacts> = {}): PortalFacts => ({ ...trip, claim, claimedAt: after(20), ...more });

test("SUCCESS with a disabled connection is checked, then not confirmed, and never fixed", () => {
  expect(outcomeOf(claimed({ status: "SUCCESS" }), after(31))).toEqual({ state: "checking", signedIn: true });
  expect(outcomeOf(claimed({ status: "SUCCESS" }), after(81))).toEqual({ state: "unconfirmed" });
});

test("fixed means that SnapTrade said enabled after the trip began, whatever was claimed", () => {
  for (const claim of [null, { status: "SUCCESS" }, { status: "ABANDONED" }, { status: "ERROR", code: "1066" }] as const) {
    expect(outcomeOf(claimed(claim, { connection: enabled }), after(31))).toEqual({ state: "fixed", confirmedAt: after(30) });
  }
  const before = { ...enabled, observedAt: after(-1), fixedAt: after(-1) };
  expect(outcomeOf(claimed({ status: "SUCCESS" }, { connection: before }), after(31)).state).toBe("checking");
});

test("a failure is stated only after a look that is newer than the claim", () => {
  const claim = { status: "ERROR", code: "1023" } as const;
  expect(outcomeOf(claimed(claim, { lookedAt: after(10) }), after(21))).toEqual({ state: "checking", signedIn: false });
  expect(outcomeOf(claimed(claim), after(31))).toEqual({ state: "failed", failure: "different-login", code: "1023" });
});

test.each([
  ["1023", "different-login"],
  ["1066", "sign-in-refused"],
  ["1086", "code-refused"],
  ["1140", "key-not-allowed"],
  ["3000", "brokerage-unreachable"],
  ["1006", "expired"],
  ["1012", "our-side"],
  ["0000", "our-side"],
  ["9999", "unexplained"],
  [null, "unexplained"],
] as const)("code %s is explained as %s", (code, failure) => {
  expect(outcomeOf(claimed({ status: "ERROR", code }), after(31))).toMatchObject({ state: "failed", failure });
});

test("leaving, or coming back without a word, is a sign-in that was not finished", () => {
  for (const status of ["ABANDONED", "UNKNOWN"] as const)
    expect(outcomeOf(claimed({ status }), after(31))).toMatchObject({ failure: "not-finished" });
});

test("a second connection that appeared instead is named as such", () => {
  expect(outcomeOf(claimed({ status: "SUCCESS" }, { secondConnectionId: "x" }), after(31))).toMatchObject({
    state: "failed",
    failure: "second-connection",
  });
});

test("nothing heard yet is an open trip", () => {
  expect(outcomeOf(trip, after(31))).toEqual({ state: "open" });
});
