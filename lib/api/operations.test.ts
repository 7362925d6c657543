import { randomUUID } from "node:crypto";
import { eq } from "drizzle-orm";
import { expect, test } from "vitest";
import { look } from "@/lib/connections/look/look";
import { listConnectionViews } from "@/lib/connections/pages/list";
import { database, transaction } from "@/lib/db/client";
import { connections } from "@/lib/db/schema/connections";
import { snapTradeUsers } from "@/lib/db/schema/users";
import { withApi } from "@/lib/testing/api";
import { nameOf } from "@/lib/testing/api-people";
import { withWorld } from "@/lib/testing/connections";
import { withDatabase } from "@/lib/testing/with-database";

withDatabase();
const { emulator, makePerson } = withWorld();
const { ask } = withApi();

interface Shown {
  id: string;
  state: string;
  user: string | null;
  changed_at: string;
  reason: { code: string };
}

const at = (name: string) => `/users/${encodeURIComponent(name)}`;
const post = (path: string) => ask("POST", path, { headers: { "Idempotency-Key": randomUUID() } });

async function customer(brokerages?: string[]) {
  const person = await makePerson(brokerages);
  return { ...person, name: await nameOf(person.userId) };
}

async function list(query: Record<string, string> = {}) {
  const { status, json } = await ask("GET", `/connections?${new URLSearchParams(query).toString()}`);
  expect(status).toBe(200);
  return json as unknown as { connections: Shown[]; next_cursor: string | null; as_of: string };
}

/** All pages of a list, and what `between` did in between. */
async function readAll(
  query: Record<string, string>,
  between: () => Promise<void> = () => Promise.resolve(),
) {
  const found: Shown[] = [];
  for (let cursor: string | null = ""; cursor !== null;) {
    const page = await list({ ...query, ...(cursor && { cursor }) });
    found.push(...page.connections);
    cursor = page.next_cursor;
    await between();
  }
  return found;
}

test("a connection has the same status here as on its owner's page, through break, check, and repair", async () => {
  const { userId, path, ids, name } = await customer();
  const agree = async (state: string, repairable: boolean) => {
    const now = new Date();
    const [shown] = (await listConnectionViews(userId, { now, dayStartedAt: now })).connections;
    const [listed] = (await list({ user: name })).connections;
    const { json } = await ask("GET", `/connections/${ids[0]}`);
    expect(json).toMatchObject({ ...listed, state, repairable, user: name });
    expect(listed?.reason.code).toBe(shown?.status);
    return json;
  };
  expect(await agree("working", false)).toMatchObject({ episodes: [] });
  await emulator.post(`${path}/connections/${ids[0]}/break`);
  expect(await post(`${at(name)}/check`)).toMatchObject({ status: 200, json: { changed: ids } });
  expect(await agree("disabled", true)).toMatchObject({
    episodes: [{ ended_at: null, noticed_by: "person" }],
  });
  await emulator.post(`${path}/connections/${ids[0]}/fix`);
  await post(`${at(name)}/check`);
  expect(await agree("working", false)).toMatchObject({ episodes: [{ ended_how: "fixed" }] });
});

test("a person's checks have the person's limit, and say why there was none", async () => {
  const { name } = await customer([]);
  const statuses = [];
  for (let n = 0; n < 7; n++) statuses.push((await post(`${at(name)}/check`)).status);
  expect(statuses).toEqual([200, 200, 200, 200, 200, 200, 429]);
  const other = await customer([]);
  await emulator.post(`${other.path}/faults`, { endpoint: "list", kind: "status", status: 500 });
  expect(await post(`${at(other.name)}/check`)).toMatchObject({ status: 503 });
  const nobody = `nobody-${randomUUID()}`;
  expect(await ask("PUT", at(nobody), { body: {} })).toMatchObject({ status: 201 });
  expect(await post(`${at(nobody)}/check`)).toMatchObject({ status: 409, json: { code: "conflict" } });
});

test("the list is filtered by person and state, and by nobody unknown", async () => {
  const [one, other] = [await customer(["QUESTRADE", "KRAKEN"]), await customer()];
  await emulator.post(`${one.path}/connections/${one.ids[1]}/break`);
  await look(one.userId);
  const idsOf = (found: { connections: Shown[] }) => found.connections.map(({ id }) => id).sort();
  expect(idsOf(await list())).toEqual([...one.ids, ...other.ids].sort());
  expect(idsOf(await list({ user: one.name }))).toEqual([...one.ids].sort());
  expect(idsOf(await list({ user: one.name, state: "disabled" }))).toEqual([one.ids[1]]);
  expect(idsOf(await list({ state: "disabled" }))).toEqual([one.ids[1]]);
  expect(idsOf(await list({ state: "removed" }))).toEqual([]);
  expect(await ask("GET", "/connections?user=unknown")).toMatchObject({ status: 404 });
});

test("who reads page by page misses nothing, whatever changes in between", async () => {
  const people = [await customer(["QUESTRADE", "KRAKEN", "ALPACA"]), await customer(["QUESTRADE", "KRAKEN"])];
  const all = people.flatMap(({ ids }) => ids);
  const flip = async () => {
    const [oldest] = (await list({ limit: "1" })).connections;
    const db = await database();
    await db
      .update(connections)
      .set({ access: "trade" })
      .where(eq(connections.id, oldest?.id ?? ""));
  };
  let flips = 0;
  const found = await readAll({ limit: "1" }, () => (flips++ < 4 ? flip() : Promise.resolve()));
  expect([...new Set(found.map(({ id }) => id))].sort()).toEqual(all.sort());
  const stable = await readAll({ limit: "2" });
  expect(stable.map(({ id }) => id)).toHaveLength(all.length);
  expect(await ask("GET", "/connections?cursor=made-up")).toMatchObject({ status: 422 });
});

test("what a change needs to become visible doesn't hide it from who follows changes", async () => {
  const { ids } = await customer();
  let { as_of: asOf } = await list();
  await (await database()).update(connections).set({ changedAt: new Date(Date.now() - 60_000) });
  expect((await list({ changed_since: asOf })).connections).toEqual([]);
  await transaction(async (tx) => {
    await tx
      .update(connections)
      .set({ access: "trade" })
      .where(eq(connections.id, ids[0] ?? ""));
  });
  const seen = await list({ changed_since: asOf });
  expect(seen.connections.map(({ id }) => id)).toEqual(ids);
  asOf = seen.as_of;
  // What nobody follows isn't a change.
  await (await database()).update(connections).set({ lastHeartbeatAt: new Date() });
  expect((await list()).connections[0]?.changed_at).toBe(seen.connections[0]?.changed_at);
});

test("a person is created, adopted, read, and refused with a reason", async () => {
  const name = `a/b ${randomUUID()}`;
  expect(await ask("GET", at(name))).toMatchObject({ status: 404 });
  const bare = { email: "one@example.com", locale: "en-ca", time_zone: "America/Toronto" };
  expect(await ask("PUT", at(name), { body: bare })).toMatchObject({
    status: 201,
    json: { external_id: name, email: "one@example.com", locale: "en-CA", snaptrade: "none" },
  });
  expect(await ask("PUT", at(name), { body: { email: null } })).toMatchObject({
    status: 200,
    json: { email: null, locale: "en-CA", time_zone: "America/Toronto" },
  });
  const wrong = { snaptrade_user_id: randomUUID(), user_secret: randomUUID() };
  expect(await ask("PUT", at(name), { body: wrong })).toMatchObject({
    status: 422,
    json: { code: "secret-refused" },
  });
  expect(await ask("PUT", at(name), { body: { user_secret: "alone" } })).toMatchObject({ status: 422 });
  const { snapTradeUserId } = await takenElsewhere();
  expect(
    await ask("PUT", at(name), { body: { ...wrong, snaptrade_user_id: snapTradeUserId } }),
  ).toMatchObject({
    status: 409,
    json: { detail: "This SnapTrade user belongs to another person here." },
  });
});

test("deleting a person keeps or deletes their user at SnapTrade, as asked, and takes an answer either way", async () => {
  const [kept, gone] = [await customer(), await customer()];
  expect(await ask("DELETE", at(kept.name))).toMatchObject({ status: 422 });
  expect(await ask("DELETE", `${at(kept.name)}?snaptrade_user=keep`)).toMatchObject({ status: 204 });
  expect(await ask("DELETE", `${at(gone.name)}?snaptrade_user=delete`)).toMatchObject({ status: 202 });
  expect(await ask("GET", at(kept.name))).toMatchObject({ status: 404 });
  expect(await ask("GET", `/connections/${kept.ids[0]}`)).toMatchObject({ status: 404 });
  const { json } = await ask("GET", at(gone.name));
  expect(json?.deletion_requested_at).toEqual(expect.any(String));
  expect(await emulator.get("/users")).toMatchObject([{}, {}]);
});

async function takenElsewhere() {
  const { userId } = await makePerson([]);
  const [taken] = await (
    await database()
  )
    .select()
    .from(snapTradeUsers)
    .where(eq(snapTradeUsers.userId, userId));
  return { snapTradeUserId: taken?.snapTradeUserId ?? "" };
}

test.each(["0000-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])(
  "%s, a moment that the database can't read, is refused as a time and within a cursor",
  async (moment) => {
    const position = { changedAt: moment, id: randomUUID(), asOf: "2026-01-01T00:00:00Z" };
    const cursor = Buffer.from(JSON.stringify(position)).toString("base64url");
    for (const query of [`changed_since=${encodeURIComponent(moment)}`, `cursor=${cursor}`])
      expect((await ask("GET", `/connections?${query}`)).status).toBe(422);
  },
);
