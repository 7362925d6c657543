import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { parseLine } from "@/lib/people/parse-line";
import { withApi } from "@/lib/testing/api";
import { origin, withGate } from "@/lib/testing/gate";
import { testSettings } from "@/lib/testing/unique";
import { withDatabase } from "@/lib/testing/with-database";
import { externalIdShape } from "./external-id";

Object.assign(process.env, testSettings);
withDatabase();
const { ask } = withApi();
const { send } = withGate();

/** Every printable ASCII character that is no letter or digit, and a few others, alone and between letters; and what looks like a path. */
const usable = [
  ...Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index)).filter(
    (one) => !/[\d.a-z]/i.test(one),
  ),
  ...["é", "漢", "😀", "%2e%2e", "%2F", "a/b", "a//b", "/a", "a/", "a\\b", "...", ".a", "a..", "a/.b/..c"],
  ...["https://example.com/?a=b#c", "a.rsc", "a.json", "_next/data", "check", "docs", "openapi.json"],
  ...["__proto__", "x".repeat(255)],
].flatMap((one) => [one, ...(one.length < 250 ? [`a${one}b`] : [])]);
const unusable = [
  "",
  ".",
  "..",
  "a/..",
  "../a",
  "a/../b",
  "a/./b",
  "a\\..\\b",
  "a\nb",
  "\u2028",
  "x".repeat(256),
];

const line = (externalId: string) =>
  parseLine({
    number: 1,
    content: { text: JSON.stringify({ externalId, snapTradeUserId: "1", userSecret: "secret" }) },
  } as Parameters<typeof parseLine>[0]);

test(
  "an id that is accepted anywhere reaches every operation about its person",
  { timeout: 120_000 },
  async () => {
    for (const [index, id] of [...new Set(usable)].entries()) {
      // Later each time, so that the key's limit doesn't end this.
      const now = new Date(Date.now() + index * 60_000);
      expect(externalIdShape.safeParse(id).success, id).toBe(true);
      expect(line(id), id).toHaveProperty("person.externalId", id);
      const path = `/users/${encodeURIComponent(id)}`;
      expect((await send({ method: "PUT", path: `/api/v1${path}` })).status, id).toBe(200);
      expect((await ask("PUT", path, { body: {}, now })).status, id).toBe(201);
      expect((await ask("GET", path, { now })).json, id).toMatchObject({ external_id: id });
      const query = new URLSearchParams({ user: id }).toString();
      expect((await ask("GET", `/connections?${query}`, { now })).status, id).toBe(200);
      expect((await ask("DELETE", `${path}?snaptrade_user=delete`, { now })).status, id).toBeLessThan(300);
    }
  },
);

test.each(unusable)("%j is refused wherever someone could get it, with the reason", async (id) => {
  expect(externalIdShape.safeParse(id).success).toBe(false);
  expect(line(id)).toEqual({ reason: "invalid-external-id", externalId: null });
  const body = { user: id };
  const headers = { "Idempotency-Key": randomUUID() };
  const refused = await ask("POST", "/fix-sessions", { body, headers });
  expect(refused).toMatchObject({ status: 422, json: { errors: [{ at: "body.user" }] } });
  const path = `/api/v1/users/${encodeURIComponent(id)}`;
  const status = (await send({ method: "PUT", path, headers: { Origin: origin } })).status;
  if (status !== 200) expect(status).toBe(422);
});
