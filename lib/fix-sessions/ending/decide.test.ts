import { expect, test } from "vitest";
import { endOf, type EndFacts } from "./decide";

const facts = (more: Partial<EndFacts> = {}): EndFacts => ({
  kind: "fix",
  isForOne: true,
  repaired: [],
  made: [],
  isUnconfirmed: false,
  needing: 1,
  repairable: 1,
  isRemoved: false,
  isInPortal: false,
  hasFailed: false,
  isTooOld: false,
  ...more,
});

test("a session goes on while its connection needs the person and nobody gave up", () => {
  expect(endOf(facts(), null)).toBeNull();
  expect(endOf(facts({ hasFailed: true }), null)).toBeNull();
});

test("it is fixed only by a visit of its own", () => {
  expect(endOf(facts({ needing: 0, repaired: ["one"] }), null)).toEqual({ outcome: "fixed", reason: "done" });
  expect(endOf(facts({ needing: 0 }), null)).toEqual({ outcome: "expired", reason: "not-needed" });
});

test("a connection that stopped again isn't fixed", () => {
  expect(endOf(facts({ needing: 1, repaired: ["one"] }), null)).toBeNull();
});

test("for everything, it is fixed once nothing that could be repaired now is left", () => {
  const all = { isForOne: false, repaired: ["one"] };
  expect(endOf(facts({ ...all, needing: 2, repairable: 1 }), null)).toBeNull();
  expect(endOf(facts({ ...all, needing: 1, repairable: 0 }), null)?.outcome).toBe("fixed");
  // Maintenance passes, so a link that nobody has used yet waits for its end.
  expect(endOf(facts({ isForOne: false, needing: 1, repairable: 0 }), null)).toBeNull();
});

test("giving up or running out of time says how the last visit failed", () => {
  expect(endOf(facts(), "given-up")).toEqual({ outcome: "expired", reason: "given-up" });
  expect(endOf(facts({ hasFailed: true }), "given-up")).toEqual({ outcome: "failed", reason: "given-up" });
  expect(endOf(facts({ isTooOld: true }), null)).toEqual({ outcome: "expired", reason: "timed-out" });
  expect(endOf(facts({ isTooOld: true, hasFailed: true }), null)?.outcome).toBe("failed");
});

test("a success outranks giving up, and nobody runs out of time in the portal", () => {
  expect(endOf(facts({ needing: 0, repaired: ["one"] }), "given-up")?.outcome).toBe("fixed");
  expect(endOf(facts({ isTooOld: true, isInPortal: true }), null)).toBeNull();
  // An event says it works; whose repair that was is decided once a read agrees.
  expect(endOf(facts({ isTooOld: true, needing: 0, isUnconfirmed: true }), null)).toBeNull();
});

test("a deleted connection ends it, since nothing can be repaired", () => {
  expect(endOf(facts({ needing: 0, isRemoved: true }), null)).toEqual({
    outcome: "expired",
    reason: "removed",
  });
});

test("a session for a new connection ends when one is made, or when an old one there is repaired", () => {
  const connect = { kind: "connect", isForOne: false, needing: 0 } as const;
  expect(endOf(facts(connect), null)).toBeNull();
  expect(endOf(facts({ ...connect, made: ["new"] }), null)?.outcome).toBe("connected");
  expect(endOf(facts({ ...connect, needing: 3, repaired: ["old"] }), null)?.outcome).toBe("fixed");
});
