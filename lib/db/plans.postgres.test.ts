import { randomUUID } from "node:crypto";
import { Pool, type PoolClient } from "pg";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { fill, fillEvents } from "../../e2e/proofs/bench/scale/fill";
import { listConnectionViews } from "@/lib/connections/pages/list";
import { getConnectionDetail } from "@/lib/connections/pages/detail";
import { observe } from "@/lib/connections/observations/observe";
import { follow } from "@/lib/live";
import { countUnread, listNotices } from "@/lib/notifications/data";
import { finishForgetting } from "@/lib/account/delete";
import { reconcile } from "@/lib/reconcile/round";
import { readHealth } from "@/lib/server/health";
import { withApi } from "@/lib/testing/api";
import { about, deliver } from "@/lib/testing/webhooks";
import { processInbox } from "@/lib/webhooks/process";
import { withEmulator } from "@/lib/testing/connections";
import { setMode } from "@/lib/testing/mode";
import { testSettings } from "@/lib/testing/unique";
import { openDatabase } from "./client";
import type { OpenDatabase } from "./database";
import { usualLimits } from "./limits";
import { findLink } from "@/lib/fix-sessions/links/find";
import { redeemLink } from "@/lib/fix-sessions/links/sign-in";
import { createFixSession } from "@/lib/fix-sessions/visits/create";
import { getFixPage, giveUp } from "@/lib/fix-sessions/visits/page";
import { readVisitorSession } from "@/lib/auth/sessions";
import { migrateDatabase } from "./migrate";
import { openPool } from "./pool";

/** Tables whose size depends only on SnapTrade's brokerages or the last few minutes, or has a limit. */
const small = [
  "inbox_events",
  "rate_limits",
  "brokerages",
  "brokerage_quarters",
  "event_endpoints",
  "former_snaptrade_users",
  "incidents",
  "quarter_marks",
  "rounds",
  "snaptrade_calls",
  "snaptrade_limits",
  "watched_changes",
];

interface Plan {
  "Node Type": string;
  "Relation Name"?: string;
  "Index Name"?: string;
  Plans?: Plan[];
}

const seen = new Map<string, unknown[]>();
let direct: Pool;
let opened: OpenDatabase;

withEmulator();
const { ask } = withApi();

beforeAll(async () => {
  const server = inject("postgresUrl");
  const admin = new Pool({ connectionString: `${server}/postgres`, max: 1 });
  const name = `plans_${randomUUID().slice(0, 8)}`;
  await admin.query(`create database ${name}`);
  await admin.end();
  const url = `${server}/${name}`;
  const migrated = await openDatabase({
    DATABASE_URL: url,
    DATABASE_DRIVER: undefined,
    NEON_WS_PROXY: undefined,
  });
  await migrateDatabase(migrated);
  await migrated.close();
  direct = new Pool({ connectionString: url, max: 1 });
  const run = (statement: string, values: unknown[] = []) => direct.query(statement, values);
  await fill(run, { people: 3_000, breaksPerYear: 1 });
  await fillEvents(run, testSettings.SNAPTRADE_CLIENT_ID, 1);
  await run("insert into verification_tokens select email, id::text, now() from users where ctid < '(20,0)'");
  await run(
    "insert into sessions (session_token, user_id) select encode(sha256(id::text::bytea), 'hex'), id from users",
  );
  await run(
    "insert into reconnect_queues (user_id, connection_ids, started_at) select id, '{}', now() from users",
  );
  await run(
    "insert into fix_links select encode(sha256(id::text::bytea), 'hex'), user_id, id, now() from episodes limit 3000",
  );
  await run("update users set external_id = 'customer-' || email");
  await run(
    "insert into api_keys (name, secret_hash, scopes, created_at) select 'server', encode(sha256(id::text::bytea), 'hex'), '{}', now() from users",
  );
  await run(
    "insert into api_requests (api_key_id, idempotency_hash, request_hash, created_at, locked_until) select id, '', '', now(), now() from api_keys",
  );
  await run(
    "insert into events (position, type, user_id, at, data) select nextval('event_positions'), 'user.gone', id, now(), '{}' from users",
  );
  await run("update events set user_id = null where position > 100 and position < 2900");
  await run(
    "insert into event_endpoints (url, sealed_secret, created_at, paused_at) values ('https://example.com/', '', now(), now())",
  );
  await run(
    "insert into event_deliveries (event_id, endpoint_id, line, position, run_at) select events.id, event_endpoints.id, coalesce(user_id, events.id), position, now() from events, event_endpoints",
  );
  await run(
    "insert into hand_offs (user_id, token_hash, return_to, expires_at) select id, encode(sha256(id::text::bytea), 'hex'), '/connections', now() from users",
  );
  await run(
    "insert into webhook_relays (webhook_id, target, sealed, received_at, run_at) select id, '', '', now(), now() from users",
  );
  await run(
    "analyze users, api_keys, api_requests, events, event_deliveries, hand_offs, webhook_relays, verification_tokens, sessions, reconnect_queues, fix_links, fix_sessions",
  );
  opened = openPool(recording(new Pool({ connectionString: url, max: 4 })), null, usualLimits);
  (globalThis as { reconnectDatabase?: Promise<OpenDatabase> }).reconnectDatabase = Promise.resolve(opened);
}, 60_000);

afterAll(async () => {
  await opened.close();
  await direct.end();
});

/** The same pool, but it records every statement that has values. */
function recording(pool: Pool): Parameters<typeof openPool>[0] {
  pool.on("connect", (client: PoolClient) => {
    const query = client.query.bind(client) as (statement: unknown, values?: unknown[]) => unknown;
    Object.assign(client, {
      query: (statement: unknown, values?: unknown[]) => {
        const text = typeof statement === "string" ? statement : (statement as { text: string }).text;
        if (!seen.has(text)) seen.set(text, values ?? []);
        return query(statement, values);
      },
    });
  });
  return pool;
}

/** Each statement that would read a whole table that grows, with the table's name. */
async function scans(): Promise<string[]> {
  const found: string[] = [];
  for (const [text, values] of seen) {
    if (!/^\s*(select|with|insert|update|delete)/i.test(text)) continue;
    const tables = new Set([
      ...(await tablesRead(text, values, "on")).filter((table) => !isDay(table)),
      ...(await tablesRead(text, values, "off")).filter(isDay),
    ]);
    for (const table of tables) found.push(`${table}: ${text.replaceAll(/\s+/g, " ").slice(0, 300)}`);
  }
  return found;
}

/** The days of this small fleet fit in a page or two, so what counts is whether there is an index to read. */
const isDay = (table: string) => /_(\d{8}|default)$/.test(table);

async function tablesRead(text: string, values: unknown[], seqScans: "on" | "off"): Promise<string[]> {
  await direct.query(`set enable_seqscan = ${seqScans}`);
  return scannedBy(await planOf(text, values));
}

async function planOf(text: string, values: unknown[]): Promise<Plan | undefined> {
  const { rows } = await direct.query<{ "QUERY PLAN": { Plan: Plan }[] }>(
    `explain (format json) ${text}`,
    values,
  );
  return rows[0]?.["QUERY PLAN"][0]?.Plan;
}

/** The growing tables that a plan reads from end to end, with or without an index. */
function scannedBy(plan: Plan | undefined): string[] {
  if (!plan) return [];
  const table = plan["Relation Name"] ?? "";
  const grows = !small.includes(table) && !table.startsWith("pg_");
  const whole = plan["Node Type"] === "Seq Scan" && grows ? [table] : [];
  return [...whole, ...(plan.Plans ?? []).flatMap(scannedBy)];
}

async function one<Row>(statement: string): Promise<Row> {
  const { rows } = await direct.query(statement);
  return rows[0] as Row;
}

/** Everything that happens all the time: a round, the pages, health, and an event. */
async function useEverything() {
  const now = new Date();
  const person = await one<{ user_id: string; id: string; snaptrade_user_id: string }>(
    "select user_id, id, snaptrade_user_id from connections join snaptrade_users using (user_id) where state = 'enabled' and gone_at is null limit 1",
  );
  const moment = { now, dayStartedAt: now };
  await listConnectionViews(person.user_id, moment);
  await getConnectionDetail(person.user_id, person.id, moment);
  await listNotices(person.user_id);
  await countUnread(person.user_id);
  await readHealth(now, now);
  await deliver(
    {
      ...about({ snapTradeUserId: person.snaptrade_user_id }, person.id, "disabled", 0),
      eventTimestamp: now.toISOString(),
    },
    { now },
  );
  const unfollow = await follow(person.user_id, () => undefined);
  await processInbox();
  unfollow?.();
  await observe(person.user_id, [
    {
      connectionId: person.id,
      state: "enabled",
      observedAt: new Date(now.getTime() + 1),
      answeredAt: null,
      disabledAt: null,
      source: "webhook",
      recordedAt: now,
    },
  ]);
  await repairByLink(now);
  await askForEverything();
  for (const mode of ["live", "shadow"] as const) {
    setMode(mode);
    await direct.query("update rounds set locked_until = 'epoch'");
    const round = await reconcile(now);
    expect(round?.failed).toEqual([]);
  }
  setMode("live");
  await direct.query("delete from snaptrade_users where user_id = $1", [person.user_id]);
  await direct.query(
    "update users set deletion_requested_at = now(), deletion_run_at = 'epoch' where id = $1",
    [person.user_id],
  );
  expect(await finishForgetting(now)).toBe(1);
}

/** A link is made, opened, and given up. */
async function repairByLink(now: Date) {
  const { user_id: userId, id: connectionId } = await one<{ user_id: string; id: string }>(
    "select user_id, connections.id from connections join brokerages on brokerages.id = brokerage_id where state = 'disabled' and enabled and removal_requested_at is null limit 1",
  );
  const { id, url } = await createFixSession({ userId, connectionId, signIn: true, now });
  const token = url.split("/").at(-1) ?? "";
  await findLink(token, now);
  const visitor = await redeemLink(token, "", now);
  await readVisitorSession(visitor?.token ?? "", now);
  await getFixPage(userId, id, { now, dayStartedAt: now });
  await giveUp(userId, id, now);
  await createFixSession({ userId, now });
}

/** What the company's servers ask for. */
async function askForEverything() {
  const { name, id } = await one<{ name: string; id: string }>(
    "select external_id as name, connections.id from connections join users on users.id = user_id where state = 'disabled' limit 1",
  );
  const post = (path: string, body?: object) =>
    ask("POST", path, { headers: { "Idempotency-Key": randomUUID() }, body });
  const since = `changed_since=${encodeURIComponent(new Date(0).toISOString())}`;
  for (const query of ["", "state=disabled", since, `state=disabled&${since}`, `user=${name}`]) {
    const { json } = await ask("GET", `/connections?limit=1&${query}`);
    const cursor = json?.next_cursor;
    if (typeof cursor === "string") await ask("GET", `/connections?limit=1&${query}&cursor=${cursor}`);
  }
  expect(await ask("GET", `/connections/${id}`)).toMatchObject({ status: 200 });
  const { id: event } = await one<{ id: string }>("select id from events where position is not null limit 1");
  for (const path of ["/events", `/events?after=${event}`, "/shadow-report", "/shadow-report/summary"])
    expect(await ask("GET", path)).toMatchObject({ status: 200 });
  const made = await post("/fix-sessions", { user: name, connection: id });
  expect(made).toMatchObject({ status: 201 });
  expect(await ask("GET", `/fix-sessions/${String(made.json?.id)}`)).toMatchObject({ status: 200 });
  expect(await post("/connect-sessions", { user: name })).toMatchObject({ status: 201 });
  expect(await ask("PUT", "/users/new", { body: { email: "new@example.com" } })).toMatchObject({
    status: 201,
  });
  expect(await ask("PUT", "/users/new", { body: { email: null } })).toMatchObject({ status: 200 });
  expect(await ask("GET", "/users/new")).toMatchObject({ status: 200 });
  expect(await post("/users/new/check")).toMatchObject({ status: 409 });
  expect((await ask("DELETE", "/users/new?snaptrade_user=delete")).status).toBeLessThan(300);
}

test("no statement of a round, a page, the API, the inbox, or a deletion reads a growing table from end to end", async () => {
  await useEverything();
  expect(seen.size).toBeGreaterThan(60);
  expect(await scans()).toEqual([]);
}, 60_000);

test("reading the stream of events doesn't read what is left of deleted people's events", async () => {
  await direct.query("set enable_seqscan = on");
  const [text, values = []] = [...seen].find(([text]) => text.includes('order by "events"."position"')) ?? [];
  expect(JSON.stringify(await planOf(text ?? "", values))).toContain('"Index Name":"events_listed"');
});

test("a missing index is reported", async () => {
  await direct.query("drop index snaptrade_users_stalest");
  expect(await scans()).toContainEqual(expect.stringMatching(/^snaptrade_users: /));
});
