import { expect, test } from "vitest";
import { clientAddressHeader } from "./gate";
import { requestIdHeader } from "@/lib/base/request-id";
import { chunked, origin, withGate } from "@/lib/testing/gate";

const { send, seen } = withGate();

test.each([
  [{}, 403],
  [{ Origin: "null" }, 403],
  [{ Origin: "https://evil.example" }, 403],
  [{ Origin: "https://evil.example", "X-Forwarded-Host": "evil.example", Host: "evil.example" }, 403],
  [{ Origin: "http://app.example.com" }, 403],
  [{ Origin: origin }, 200],
])("a POST with %j is answered with %i", async (headers, status) => {
  for (const path of [
    "/",
    "/api/auth/signout",
    "/no/such/page",
    "/api/webhooks/snaptrade/../../../connections",
    "/_next/static/x",
  ])
    expect((await send({ path, headers: headers })).status, path).toBe(status);
});

test.each([
  "/api/webhooks/snaptrade",
  "/api/cron/reconcile",
  "/api/unsubscribe/2f8c0b6e-token.Signed_-",
  "/api/webhooks/snaptrade?from=//x",
  "/api/v1/users/a%2Fb%20c/check",
  "/api/v1/connections?user=../x",
])("programs may POST to %s without an Origin header", async (path) => {
  expect((await send({ path })).status).toBe(200);
});

test.each([
  "//evil/api/webhooks/snaptrade",
  "///evil/api/webhooks/snaptrade",
  "/\\evil/api/webhooks/snaptrade",
  "http://evil/api/webhooks/snaptrade",
  "//api/webhooks/snaptrade",
  "/api//webhooks/snaptrade",
  "/api\\webhooks/snaptrade",
  "/api/webhooks%2Fsnaptrade",
  "/api/%77ebhooks/snaptrade",
  "/API/webhooks/snaptrade",
  "/api/webhooks/snaptrade/",
  "/api/webhooks/snaptrade#/../../../connections",
  "/connections/../api/webhooks/snaptrade",
  "/connections/%2e%2E/api/webhooks/snaptrade",
  "/api/unsubscribe/..",
  "/api/unsubscribe/%2e%2e%2fconnections",
  "/api/unsubscribe/x\\..\\..\\connections",
  "/api/v1//users",
  "/api/v1/users/",
  "/api/v1/docs",
])("a POST to %s, which is not an exact program path, requires our origin", async (path) => {
  expect((await send({ path })).status).toBe(403);
  expect((await send({ path: `${path}?a=/b`, headers: { Origin: origin } })).status).toBe(200);
});

test.each([
  "/api/v1/../../connections",
  "/api/v1/%2e%2e/%2E./connections",
  "/api/v1/users/x%2f..%2F..%2f..%2fconnections",
  "/api/v1/users/x%5c..%5cconnections",
  "/api/v1/users/%2e%2e",
])("a program that writes to %s is answered why it can’t, and nothing passes", async (path) => {
  const before = seen.length;
  for (const method of ["PUT", "POST", "DELETE"])
    expect(await send({ method, path })).toMatchObject({
      status: 422,
      headers: { "content-type": "application/problem+json" },
      body: expect.stringContaining("between slashes") as string,
    });
  expect(seen).toHaveLength(before);
});

test.each(["/connections/%zz", "/portal/%/return", "/%E0%A4%A"])(
  "%s, which Next cannot decode, is answered with a page",
  async (path) => {
    expect(await send({ method: "GET", path })).toMatchObject({
      status: 404,
      body: expect.stringContaining("<h1") as string,
    });
  },
);

test("reads require no origin", async () => {
  for (const method of ["GET", "HEAD"])
    expect((await send({ method, path: "/connections" })).status).toBe(200);
});

test("the gate sets the client's address, whatever headers the client sends", async () => {
  await send({
    method: "GET",
    headers: {
      [clientAddressHeader]: "6.6.6.6",
      "X-Forwarded-For": "6.6.6.6, 198.51.100.1",
      "X-Forwarded-Host": "evil.example",
    },
  });
  expect(seen.at(-1)?.headers).toMatchObject({
    [clientAddressHeader]: "198.51.100.1",
    "x-forwarded-host": "app.example.com",
  });
});

const idOf = async (given: Record<string, string>, from?: string) => {
  const { headers } = await send({ method: "GET", headers: given, from });
  const answered = headers[requestIdHeader];
  expect(seen.at(-1)).toMatchObject({ requestId: answered, headers: { [requestIdHeader]: answered } });
  return answered;
};
const made = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

test("a request has one id, for the code that handles it, its headers, and its answer", async () => {
  const ids = [await idOf({}), await idOf({})];
  for (const id of ids) expect(id).toMatch(made);
  expect(ids[0]).not.toBe(ids[1]);
  await send({ headers: chunked, chunks: [Buffer.alloc(10)] });
  expect(seen.at(-1)?.requestId).toMatch(made);
});

test("a trusted proxy chooses the id; nobody else does, and no implausible id is taken", async () => {
  expect(await idOf({ "X-Request-Id": "proxy-0123456789" })).toBe("proxy-0123456789");
  expect(await idOf({ "X-Request-Id": "proxy-0123456789" }, "127.0.0.2")).toMatch(made);
  for (const odd of ["short", "with spaces inside", '{"level":60}', "x".repeat(101)])
    expect(await idOf({ "X-Request-Id": odd })).toMatch(made);
});

test("an answer from the gate itself carries an id too", async () => {
  const { status, headers } = await send({ path: "/" });
  expect(status).toBe(403);
  expect(headers[requestIdHeader]).toMatch(made);
});
