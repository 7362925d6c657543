import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { canonicalRequest, isSigned } from "./signature";

interface Vector {
  operation: string;
  method: string;
  target: string;
  body: string;
  canonical: string | null;
  signature: string | null;
}
interface Vectors {
  consumerKey: string;
  requests: Vector[];
}

/** Captured from the official TypeScript SDK with a fixed clock and a made-up key. */
const { consumerKey, requests } = JSON.parse(
  readFileSync(new URL("./vectors.json", import.meta.url), "utf8"),
) as Vectors;

const signed = requests.flatMap(({ operation, target, body, canonical, signature }) =>
  canonical === null || signature === null ? [] : [{ operation, target, body, canonical, signature }],
);

test("all captured requests but one are signed", () => {
  expect(requests).toHaveLength(24);
  expect(signed).toHaveLength(23);
});

describe.each(signed)("$operation", ({ target, body, canonical, signature }) => {
  test("has the captured canonical form and signature", () => {
    expect(canonicalRequest(target, body)).toBe(canonical);
    expect(isSigned(consumerKey, target, body, signature)).toBe(true);
  });

  test("changing any byte invalidates the signature", () => {
    const changedTarget = target.replace("ACMETEST", "ACMETESU");
    expect(isSigned(consumerKey, changedTarget, body, signature)).toBe(false);
    expect(isSigned(consumerKey, `/api/v1${target}`, body, signature)).toBe(false);
    expect(isSigned(consumerKey, target, '{"a":1}', signature)).toBe(false);
    expect(
      isSigned(
        consumerKey,
        target,
        body,
        signature.replace(/^./, (c) => (c === "A" ? "B" : "A")),
      ),
    ).toBe(false);
    expect(isSigned(`${consumerKey}x`, target, body, signature)).toBe(false);
    expect(isSigned(consumerKey, target, body, "")).toBe(false);
  });
});

test("non-ASCII characters can be signed raw or escaped", () => {
  const target = "/snapTrade/registerUser?clientId=ACMETEST&timestamp=1790000000";
  const body = '{"userId":"zoë-日本-😀"}';
  expect(isSigned(consumerKey, target, body, "Cwy9/0JK+BRagV4+LLHPQ2219YhdnB4zUrUs/lDu1b4=")).toBe(true);
  expect(isSigned(consumerKey, target, body, "1b/DCwBCIQTJip2FIAyrt8ySMTtlha8n/MuSVeVAHgY=")).toBe(true);
});

test("the query is used as sent, neither decoded nor sorted", () => {
  const target = "/x?b=1%2C2&a=+";
  expect(canonicalRequest(target, "")).toBe('{"content":null,"path":"/x","query":"b=1%2C2&a=+"}');
});

test("body keys are sorted at every level", () => {
  expect(canonicalRequest("/x", '{"b":{"d":1,"c":[{"z":0,"y":0}]},"a":null}')).toBe(
    '{"content":{"a":null,"b":{"c":[{"y":0,"z":0}],"d":1}},"path":"/x","query":""}',
  );
});
