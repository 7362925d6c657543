import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { JsonSyntaxError, parseJson, printJson } from "./canonical-json";

interface Vectors {
  key: string;
  vectors: { body: string; canonical: string; signature: string }[];
}
const { vectors } = JSON.parse(
  readFileSync(new URL("./canonical-json.vectors.json", import.meta.url), "utf8"),
) as Vectors;

const canonical = (body: string) => printJson(parseJson(body));

/** What people write if they follow the prose on SnapTrade's page instead of its sample code. */
function naive(body: string): string {
  const sorted = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(sorted);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .sort(([one], [other]) => (one < other ? -1 : 1))
        .map(([name, member]) => [name, sorted(member)]),
    );
  };
  return JSON.stringify(sorted(JSON.parse(body)));
}

describe("JSON as Python prints it", () => {
  test("every golden vector is reproduced byte for byte, and JSON.stringify fails many of them", () => {
    expect(vectors.length).toBeGreaterThanOrEqual(200);
    for (const { body, canonical: expected } of vectors) expect(canonical(body)).toBe(expected);
    expect(
      vectors.filter(({ body, canonical: expected }) => naive(body) !== expected).length,
    ).toBeGreaterThan(100);
  });

  test("printing is idempotent", () => {
    fc.assert(
      fc.property(fc.json(), (body) => {
        expect(canonical(canonical(body))).toBe(canonical(body));
        expect(JSON.parse(canonical(body))).toEqual(JSON.parse(body));
      }),
    );
  });

  test.each([
    "",
    "{",
    "[1,]",
    '{"a":1,}',
    "{,}",
    "01",
    "1.",
    "+1",
    "'a'",
    '"\u0001"',
    '"\\x"',
    '"\\u12"',
    "nul",
    "[1 2]",
    '{"a" 1}',
    "1 1",
    "]",
  ])("%j is rejected as JSON", (body) => {
    expect(() => canonical(body)).toThrow(JsonSyntaxError);
  });

  test("unbounded nesting is rejected before it exhausts the stack", () => {
    for (const [open, close] of [
      ["[", "]"],
      ['{"a":', "}"],
    ] as const) {
      expect(() => canonical(open.repeat(10_000) + "1" + close.repeat(10_000))).toThrow(JsonSyntaxError);
      expect(() => canonical(open.repeat(10_000))).toThrow(JsonSyntaxError);
    }
  });

  test("keys that are special in JavaScript are ordinary keys", () => {
    expect(canonical('{"__proto__":{"polluted":1},"constructor":2}')).toBe(
      '{"__proto__":{"polluted":1},"constructor":2}',
    );
    expect(Reflect.get({}, "polluted")).toBeUndefined();
  });
});
