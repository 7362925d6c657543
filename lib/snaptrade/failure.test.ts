import { SnaptradeError } from "snaptrade-typescript-sdk";
import { describe, expect, test } from "vitest";
import { failureKindOf, toFailure } from "./failure";

describe("the meaning of SnapTrade's errors", () => {
  test.each([
    [401, "1076", "key-refused"],
    [401, "1083", "user-refused"],
    [400, "1010", "user-exists"],
    [404, "1011", "not-found"],
    [404, undefined, "not-found"],
    [402, "3003", "connection-disabled"],
    [402, "3011", "connection-disabled"],
    [403, "1141", "refused"],
    [429, "0000", "busy"],
    [500, "1000", "away"],
    [500, "3003", "away"],
    [502, undefined, "away"],
    [302, undefined, "away"],
    [undefined, undefined, "away"],
  ] as const)("status %s with code %s means %s", (status, code, kind) => {
    expect(failureKindOf(status, code)).toBe(kind);
  });

  test("the error that leaves the adapter contains no URL, message, or secret of the call", () => {
    const secret = "adf2aa34-8219-40f7-a6b3-60156985cc61";
    const error = Object.assign(Object.create(SnaptradeError.prototype) as SnaptradeError, {
      status: 401,
      url: `https://api.snaptrade.com/authorizations?userSecret=${secret}`,
      message: `failed ${secret}`,
      responseBody: { detail: secret, code: "1083" },
    });
    const failure = toFailure("list", error);
    expect(failure.kind).toBe("user-refused");
    expect([JSON.stringify(failure), failure.message, failure.stack].join()).not.toContain(secret);
  });
});
