import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { z } from "zod";
import { withApi } from "@/lib/testing/api";
import { withDatabase } from "@/lib/testing/with-database";
import { database } from "@/lib/db/client";
import { apiKeys, apiRequests } from "@/lib/db/schema/api";
import { rateLimits } from "@/lib/db/schema/work";
import { AppError } from "@/lib/base/errors";
import { time } from "./fields";
import { listApiKeys, revokeApiKey } from "./keys";
import { answer, ApiProblem, operation } from "./operation";

withDatabase();

/** What each POST of a test does, by the name it sends; the last one counts its runs. */
let work: (requestId: string) => Promise<unknown> = () => Promise.resolve();
const runs: string[] = [];

const makeThing = operation({
  name: "makeThing",
  method: "POST",
  path: "/things",
  scope: "users:write",
  summary: "Make a thing",
  body: z.strictObject({ name: z.string().max(10), at: time.optional() }),
  answers: { 201: z.object({ name: z.string(), at: time, url: z.string() }) },
  problems: ["conflict"],
  work: async ({ body, now, requestId }) => {
    runs.push(requestId);
    await work(requestId);
    const made = { name: body.name, at: body.at ?? now, url: `https://secret.example/${requestId}` };
    return answer(201, { ...made, notInTheSchema: "a secret" });
  },
});
const listThings = operation({
  name: "listThings",
  method: "GET",
  path: "/things",
  scope: "users:read",
  summary: "List things",
  query: z.strictObject({ limit: z.coerce.number().int().min(1).max(5).default(2) }),
  answers: { 200: z.object({ limit: z.int() }) },
  problems: [],
  work: ({ query }) => Promise.resolve(answer(200, { limit: query.limit })),
});
const removeThing = operation({
  name: "removeThing",
  method: "DELETE",
  path: "/things/{thingId}",
  scope: "users:write",
  summary: "Remove a thing",
  params: z.strictObject({ thingId: z.string().max(20) }),
  answers: { 204: null },
  problems: [],
  work: async ({ params }) => {
    runs.push(params.thingId);
    await work(params.thingId);
    return answer(204, null);
  },
});

const { ask, makeKey } = withApi([makeThing, listThings, removeThing]);

/** A new POST, and how to send exactly the same again. */
function post(body: object = { name: "one" }, more: Record<string, string> = {}) {
  const headers = { "Idempotency-Key": randomUUID(), ...more };
  runs.length = 0;
  return (now?: Date, other: object = body) => ask("POST", "/things", { headers, body: other, now });
}

test("nobody gets in without a key that exists and isn't revoked, and learns nothing of what is there", async () => {
  const revoked = await makeKey();
  const [newest] = await listApiKeys();
  expect(await revokeApiKey(newest?.id ?? "", new Date())).toBe(true);
  const made = `reconnect_${"x".repeat(43)}`;
  for (const authorization of [
    null,
    "",
    "Bearer",
    "Bearer x",
    `Basic ${made}`,
    `Bearer ${made}`,
    `Bearer ${revoked}`,
  ])
    for (const path of ["/things", "/nothing"])
      expect(await ask("GET", path, { authorization })).toMatchObject({
        status: 401,
        json: { code: "no-key" },
      });
});

test("a key is stored as a hash, and its use is recorded at most every five minutes", async () => {
  const key = await makeKey(["users:read"]);
  const authorization = `Bearer ${key}`;
  const start = Date.now();
  for (const ms of [0, 1_000, 299_000, 301_000])
    await ask("GET", "/things", { authorization, now: new Date(start + ms) });
  const db = await database();
  const stored = await db.select().from(apiKeys);
  expect(JSON.stringify(stored)).not.toContain(key.slice(-20));
  const own = stored.find(({ scopes }) => scopes.length === 1);
  expect(own?.lastUsedAt).toEqual(new Date(start + 301_000));
});

test("a key may do what its scopes say, and nothing else", async () => {
  const authorization = `Bearer ${await makeKey(["users:read"])}`;
  expect(await ask("GET", "/things", { authorization })).toMatchObject({ status: 200 });
  expect(await ask("POST", "/things", { authorization, body: {} })).toMatchObject({
    status: 403,
    json: { code: "missing-scope", detail: "This needs the scope users:write." },
  });
});

test("a key's requests are limited, and every answer says what is left", async () => {
  const authorization = `Bearer ${await makeKey()}`;
  const now = new Date();
  const first = await ask("GET", "/things", { authorization, now });
  expect(first.headers.get("RateLimit")).toBe('"key";r=599;t=1');
  expect(first.headers.get("RateLimit-Policy")).toBe('"key";q=600;w=60');
  // As if there had been 598 more.
  await (await database()).update(rateLimits).set({ freeAt: new Date(now.getTime() + 59_900) });
  const last = await ask("GET", "/things", { authorization, now });
  expect(last.headers.get("RateLimit")).toBe('"key";r=0;t=60');
  const refused = await ask("GET", "/things", { authorization, now });
  expect(refused).toMatchObject({ status: 429, json: { code: "too-many-requests" } });
  expect(refused.headers.get("Retry-After")).toBe("1");
  expect(await ask("GET", "/things", { authorization: `Bearer ${await makeKey()}`, now })).toMatchObject({
    status: 200,
  });
});

test("what isn't there, isn't allowed, is too large, or can't be read is refused with its own problem", async () => {
  const headers = { "Idempotency-Key": "refused" };
  expect(await ask("GET", "/nothing")).toMatchObject({ status: 404 });
  const wrong = await ask("PUT", "/things", { body: {} });
  expect(wrong).toMatchObject({ status: 405 });
  expect(wrong.headers.get("Allow")).toBe("POST, GET");
  expect(await ask("POST", "/things", { headers, body: "x".repeat(65_537) })).toMatchObject({ status: 413 });
  const text = { ...headers, "Content-Type": "text/plain" };
  expect(await ask("POST", "/things", { headers: text, body: "{}" })).toMatchObject({ status: 415 });
  for (const body of ["{", "", "\uFEFF[", "nul"])
    expect(await ask("POST", "/things", { headers, body })).toMatchObject({ status: 400 });
  const invalid = await ask("POST", "/things", { headers, body: { name: 5, more: 1, at: "yesterday" } });
  expect(invalid).toMatchObject({ status: 422, json: { code: "invalid-request" } });
  const places = (invalid.json?.errors as { at: string }[]).map(({ at }) => at).sort();
  expect(places).toEqual(["body", "body.at", "body.name"]);
  for (const query of ["?limit=0", "?limit=x", "?limit=1&limit=2", "?limits=1", "?limit="])
    expect(await ask("GET", `/things${query}`), query).toMatchObject({ status: 422 });
  expect(await ask("DELETE", `/things/${"x".repeat(21)}`)).toMatchObject({ status: 422 });
  expect(runs).toEqual([]);
});

test("times go out in RFC 3339 and come in with any offset; what isn't in the schema stays inside", async () => {
  const { json } = await post({ name: "one", at: "2026-11-21T10:00:00+02:00" })();
  expect(json).toEqual({ name: "one", at: "2026-11-21T08:00:00.000Z", url: expect.any(String) as string });
});

test("a repeated write gets the first one's answer and does nothing, and the stored answer can't be read", async () => {
  const send = post();
  const [first, second] = [await send(), await send()];
  expect(first.status).toBe(201);
  expect(second).toMatchObject({ status: 201, json: first.json });
  expect(second.headers.get("Idempotency-Replayed")).toBe("true");
  expect(runs).toHaveLength(1);
  expect(JSON.stringify(await (await database()).select().from(apiRequests))).not.toContain("secret.example");
  const day = new Date(Date.now() + 24 * 3_600_000 - 60_000);
  expect(await send(day)).toMatchObject({ json: first.json });
});

test("a POST needs an Idempotency-Key, other writes may have one", async () => {
  expect(await ask("POST", "/things", { body: { name: "x" } })).toMatchObject({
    status: 400,
    json: { code: "idempotency-key-missing" },
  });
  runs.length = 0;
  const headers = { "Idempotency-Key": randomUUID() };
  for (const given of [{}, headers, headers])
    expect(await ask("DELETE", "/things/one", { headers: given })).toMatchObject({ status: 204, json: null });
  expect(runs).toEqual(["one", "one"]);
});

test("an Idempotency-Key belongs to one request of one API key", async () => {
  const send = post();
  await send();
  expect(await send(undefined, { name: "two" })).toMatchObject({
    status: 422,
    json: { code: "idempotency-key-reused" },
  });
  const other = `Bearer ${await makeKey()}`;
  const headers = { "Idempotency-Key": "shared" };
  await ask("POST", "/things", { headers, body: { name: "a" } });
  runs.length = 0;
  await ask("POST", "/things", { headers, body: { name: "b" }, authorization: other });
  expect(runs).toHaveLength(1);
});

test("while the first is running, the same request is refused", async () => {
  let finish: () => void = () => undefined;
  const started = new Promise<void>((begun) => {
    work = () =>
      new Promise<void>((resolve) => {
        finish = resolve;
        begun();
      });
  });
  const send = post();
  const first = send();
  await started;
  expect(await send()).toMatchObject({ status: 409, json: { code: "still-running" } });
  finish();
  expect(await first).toMatchObject({ status: 201 });
  work = () => Promise.resolve();
});

test("a request that failed is carried out again at once, under the same id", async () => {
  const send = post();
  work = () => Promise.reject(new ApiProblem("conflict", { detail: "Not now." }));
  expect(await send()).toMatchObject({ status: 409, json: { code: "conflict", detail: "Not now." } });
  work = () => Promise.reject(new Error("a secret"));
  expect(await send()).toMatchObject({ status: 500, json: { code: "unexpected" } });
  work = () => Promise.reject(new AppError("snaptrade-busy"));
  expect(await send()).toMatchObject({ status: 503 });
  work = () => Promise.resolve();
  expect(await send()).toMatchObject({ status: 201 });
  expect(new Set(runs).size).toBe(1);
  expect(runs).toHaveLength(4);
});

test("a request whose process died is carried out again after a minute, once, under the same id", async () => {
  const send = post();
  // The process that has this request never ends it.
  work = () => new Promise(() => undefined);
  const start = Date.now();
  void send(new Date(start));
  await expect.poll(() => runs.length).toBe(1);
  work = () => Promise.resolve();
  expect(await send(new Date(start + 59_000))).toMatchObject({ status: 409 });
  const again = await Promise.all([1, 2, 3].map(() => send(new Date(start + 61_000))));
  expect(again.map(({ status }) => status).filter((status) => status === 409).length).toBeLessThan(3);
  expect(runs).toHaveLength(2);
  expect(runs[1]).toBe(runs[0]);
});
