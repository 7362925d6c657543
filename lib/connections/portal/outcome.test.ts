import { expect, test } from "vitest";
import { explainFailure, outcomeOf, type PortalConnection, type PortalFacts } from "./outcome";

const openedAt = new Date("2026-11-20T14:00:00Z");
const after = (seconds: number) => new Date(openedAt.getTime() + seconds * 1000);
const id = "87b24961-b51e-4db8-9226-f198f6518a89";
const stillDisabled: PortalConnection = {
  id,
  state: "disabled",
  observedAt: after(30),
  readAt: after(30),
  readState: "disabled",
  access: "read",
  updatedAt: null,
  fixedAt: null,
  brokeAt: after(-3_600),
};
const enabled: PortalConnection = {
  ...stillDisabled,
  state: "enabled",
  readState: "enabled",
  fixedAt: after(30),
  brokeAt: null,
};

const session: PortalFacts = {
  intent: "reconnect",
  openedAt,
  reportedResult: null,
  reportedAt: null,
  leftAt: null,
  signInResult: null,
  connection: stillDisabled,
  secondConnectionId: null,
  hasOther: false,
  lookedAt: after(30),
  lookFailedAt: null,
};
const reported = (
  reportedResult: PortalFacts["reportedResult"],
  more: Partial<PortalFacts> = {},
): PortalFacts => ({
  ...session,
  reportedResult,
  reportedAt: after(20),
  leftAt: after(20),
  ...more,
});
const success = { status: "SUCCESS" } as const;

test("SUCCESS with a disabled connection is checked, then not confirmed, and never fixed", () => {
  expect(outcomeOf(reported(success), after(31))).toEqual({ state: "checking", signedIn: true });
  expect(outcomeOf(reported(success), after(81))).toEqual({ state: "unconfirmed" });
});

test("fixed means that SnapTrade said enabled after the session began, whatever was reported", () => {
  for (const reportedResult of [
    null,
    success,
    { status: "ABANDONED" },
    { status: "UNKNOWN" },
    { status: "ERROR", code: "1066" },
  ] as const) {
    expect(outcomeOf(reported(reportedResult, { connection: enabled }), after(31))).toEqual({
      state: "fixed",
      confirmedAt: after(30),
    });
  }
  const before = { ...enabled, observedAt: after(-1), readAt: after(-1), fixedAt: after(-1) };
  expect(outcomeOf(reported(success, { connection: before }), after(31)).state).toBe("checking");
});

test("a repair announced only by an event is checked until a read agrees", () => {
  const contradicted = { ...enabled, readAt: after(31), readState: "disabled" as const };
  expect(outcomeOf(reported(null, { connection: contradicted }), after(32))).toEqual({
    state: "checking",
    signedIn: true,
  });
  expect(
    outcomeOf(reported(null, { connection: { ...contradicted, readAt: after(-5) } }), after(32)),
  ).toEqual({
    state: "checking",
    signedIn: true,
  });
  expect(
    outcomeOf(reported(null, { connection: { ...contradicted, readState: "enabled" } }), after(32)).state,
  ).toBe("fixed");
});

test("while SnapTrade cannot be read, its signed event is enough", () => {
  const contradicted = { ...enabled, readAt: after(-5), readState: "disabled" as const };
  expect(
    outcomeOf(reported(null, { connection: contradicted, lookFailedAt: after(31) }), after(32)).state,
  ).toBe("fixed");
});

test("a signed event is also enough when the last successful read came before it and said disabled", () => {
  const announced = { ...enabled, observedAt: after(30), readAt: after(28), readState: "disabled" as const };
  const unread = reported(success, { connection: announced, lookFailedAt: after(31) });
  expect(outcomeOf(unread, after(32))).toEqual({ state: "fixed", confirmedAt: after(30) });
});

test("a connection that was repaired and broke again is reported as such", () => {
  const again = { ...stillDisabled, fixedAt: after(25), brokeAt: after(28) };
  expect(outcomeOf(reported(success, { connection: again }), after(100))).toEqual({
    state: "stopped-again",
    brokeAt: after(28),
  });
});

test("a deleted connection can't be repaired", () => {
  expect(
    outcomeOf(
      reported(success, { connection: { ...stillDisabled, state: "deleted", brokeAt: null } }),
      after(31),
    ),
  ).toMatchObject({
    failure: "gone",
  });
});

test("a portal error ends nothing while the portal is open, since it lets people try again", () => {
  const reportedResult = { status: "ERROR", code: "1066" } as const;
  expect(outcomeOf(reported(reportedResult, { leftAt: null }), after(31))).toEqual({ state: "open" });
  expect(outcomeOf(reported(reportedResult), after(31))).toMatchObject({
    state: "failed",
    failure: "sign-in-refused",
  });
});

test("a failure is stated only after a look newer than the end of the visit", () => {
  const reportedResult = { status: "ERROR", code: "1023" } as const;
  expect(outcomeOf(reported(reportedResult, { lookedAt: after(10) }), after(21))).toEqual({
    state: "checking",
    signedIn: false,
  });
  expect(outcomeOf(reported(reportedResult, { leftAt: after(40) }), after(41))).toEqual({
    state: "checking",
    signedIn: false,
  });
  expect(outcomeOf(reported(reportedResult), after(31))).toEqual({
    state: "failed",
    failure: "different-login",
    code: "1023",
  });
});

test("returning without a result is checked, then unknown, and never called unfinished", () => {
  expect(outcomeOf(reported({ status: "UNKNOWN" }), after(31))).toEqual({
    state: "checking",
    signedIn: false,
  });
  expect(outcomeOf(reported({ status: "UNKNOWN" }), after(81))).toMatchObject({
    state: "failed",
    failure: "no-word",
  });
  expect(outcomeOf(reported({ status: "ABANDONED" }), after(31))).toMatchObject({
    state: "failed",
    failure: "not-finished",
  });
});

test("a sign-in for a working connection counts only when SnapTrade reports it, whatever the browser says", () => {
  const worked = { ...enabled, fixedAt: null };
  const renew = (more: Partial<PortalFacts>) =>
    outcomeOf(reported(success, { intent: "renew", connection: worked, ...more }), after(31)).state;
  expect(renew({})).toBe("checking");
  expect(renew({ signInResult: "SUCCESS" })).toBe("fixed");
  expect(renew({ connection: { ...worked, updatedAt: after(5) } })).toBe("fixed");
  // openedAt comes from a header with whole seconds.
  for (const seconds of [-5, 0.9])
    expect(renew({ connection: { ...worked, updatedAt: after(seconds) } })).toBe("checking");
  const trade = { ...worked, access: "trade" as const };
  expect(outcomeOf(reported(null, { intent: "allow-trading", connection: trade }), after(31)).state).toBe(
    "fixed",
  );
});

test("a sign-in that made no new connection is reported as such when the login may already be connected", () => {
  const connect = reported(success, { intent: "connect", connection: null });
  expect(outcomeOf({ ...connect, hasOther: true }, after(31)).state).toBe("checking");
  expect(outcomeOf({ ...connect, hasOther: true }, after(81))).toMatchObject({
    failure: "no-new-connection",
  });
  expect(outcomeOf(connect, after(81))).toEqual({ state: "unconfirmed" });
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
  expect(outcomeOf(reported({ status: "ERROR", code }), after(31))).toMatchObject({
    state: "failed",
    failure,
  });
});

test("SnapTrade's webhook explains what the portal's own code does not", () => {
  expect(explainFailure({ status: "ABANDONED" }, "DIFFERENT_ACCOUNT")).toEqual({
    failure: "different-login",
    code: "DIFFERENT_ACCOUNT",
  });
  expect(explainFailure({ status: "ERROR", code: "9999" }, "INVALID_CREDENTIALS").failure).toBe(
    "sign-in-refused",
  );
  expect(explainFailure({ status: "ERROR", code: "1086" }, "INVALID_CREDENTIALS").failure).toBe(
    "code-refused",
  );
});

test("a second connection is pointed out once SnapTrade has been asked", () => {
  expect(outcomeOf(reported(success, { secondConnectionId: id }), after(31))).toMatchObject({
    failure: "second-connection",
  });
});
