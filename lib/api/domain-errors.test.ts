import { expect, test } from "vitest";
import { AppError, type AppErrorCode } from "@/lib/base/errors";
import { problemOf } from "./domain-errors";

test.each([
  "snaptrade-away",
  "snaptrade-refused",
  "checked-often",
  "opened-often",
  "access-lost",
  "being-removed",
  "account-deleting",
  "not-broken",
  "nothing-to-reconnect",
  "already-connected",
  "rotated-often",
  "shadow-mode",
] satisfies AppErrorCode[])("%s is explained to whoever writes the program, not to the person", (code) => {
  const { detail } = problemOf(new AppError(code)).details;
  expect(detail).toMatch(/^[A-Z].*\.$/);
  expect(detail).not.toMatch(/\b(you|your|you’re|we|we’ve|our|try again|sign in)\b/i);
});

test("what can be tried again says when", () => {
  for (const code of ["snaptrade-busy", "checked-often"] as const)
    expect(problemOf(new AppError(code)).details.retryAfterSeconds).toBeGreaterThan(0);
});
