import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { expect, test } from "vitest";

interface Journal {
  entries: { tag: string }[];
}

const { entries } = JSON.parse(readFileSync("drizzle/meta/_journal.json", "utf8")) as Journal;

async function apply(client: PGlite, tag: string) {
  const sql = readFileSync(path.join("drizzle", `${tag}.sql`), "utf8");
  for (const statement of sql.split("--> statement-breakpoint")) await client.exec(statement);
}

const ids = Array.from({ length: 9 }, (_, index) => `00000000-0000-4000-8000-00000000000${index}`);
const [owner, brokerage, connection, episode, first, second, third, fourth] = ids;

test("renaming columns and intents loses nothing that the version before stored", async () => {
  const client = await PGlite.create();
  const at = entries.findIndex(({ tag }) => tag === "0009_words");
  for (const { tag } of entries.slice(0, at)) await apply(client, tag);
  await client.exec(`
    insert into users (id, email) values ('${owner}', 'someone@example.com');
    insert into snaptrade_users (user_id, snaptrade_user_id, sealed_secret, registered_at, gone_at, checks, checks_since)
      values ('${owner}', 'one', 'sealed', now(), now(), 4, now());
    insert into brokerages (id, slug, name, enabled, maintenance, degraded, opens_window, observed_at)
      values ('${brokerage}', 'QUESTRADE', 'Questrade', true, false, false, true, now());
    insert into connections (id, user_id, brokerage_id, access, state, observed_at, kept_beside_at, last_beat_at, beats, beat_gap_ms)
      values ('${connection}', '${owner}', '${brokerage}', 'read', 'disabled', now(), '2026-11-01', '2026-11-02', 7, 86400000);
    insert into episodes (id, connection_id, broke_at, noticed_at, noticed_by)
      values ('${episode}', '${connection}', now(), now(), 'webhook');
    insert into portal_sessions (id, user_id, intent, connection_id, wish, started_at, claim, claimed_at, attempt_result) values
      ('${first}', '${owner}', 'reconnect', '${connection}', null, now(), '{"status":"ERROR","code":"1066"}', '2026-11-03', 'FAILED'),
      ('${second}', '${owner}', 'reconnect', '${connection}', 'trade', now(), '{"status":"SUCCESS","code":null}', now(), null),
      ('${third}', '${owner}', 'reconnect', '${connection}', 'renew', now(), null, null, null),
      ('${fourth}', '${owner}', 'connect', null, null, now(), null, null, null);
    insert into webhook_events (id, type, payload, received_at, attempts, next_attempt_at, problem, attempt_result)
      values ('event', 'CONNECTION_BROKEN', '{}', now(), 2, '2026-11-04', 'Error 22003', 'SUCCESS');
    insert into notices (user_id, episode_id, kind, created_at, not_before, mail, claimed_at, problem)
      values ('${owner}', '${episode}', 'back', now(), '2026-11-05', 'leaving', '2026-11-06 00:00Z', 'why');`);
  await apply(client, "0009_words");

  const rows = async (query: string) => (await client.query(query)).rows;
  expect(
    await rows(
      "select intent, reported_status, reported_code, sign_in_result from portal_sessions order by id",
    ),
  ).toEqual([
    { intent: "reconnect", reported_status: "ERROR", reported_code: "1066", sign_in_result: "FAILED" },
    { intent: "allow-trading", reported_status: "SUCCESS", reported_code: null, sign_in_result: null },
    { intent: "renew", reported_status: null, reported_code: null, sign_in_result: null },
    { intent: "connect", reported_status: null, reported_code: null, sign_in_result: null },
  ]);
  expect(
    await rows("select heartbeats, heartbeat_gap_ms, kept_both_since is not null as kept from connections"),
  ).toEqual([{ heartbeats: 7, heartbeat_gap_ms: 86_400_000, kept: true }]);
  expect(await rows("select gone_reason, checks_this_minute from snaptrade_users")).toEqual([
    { gone_reason: "deleted", checks_this_minute: 4 },
  ]);
  expect(
    await rows(
      "select run_at = '2026-11-04' as due, locked_until, last_error, sign_in_result from webhook_events",
    ),
  ).toEqual([{ due: true, locked_until: null, last_error: "Error 22003", sign_in_result: "SUCCESS" }]);
  expect(
    await rows(
      "select kind, run_at = '2026-11-05' as due, locked_until = '2026-11-06 00:02Z' as locked, last_error from notices",
    ),
  ).toEqual([{ kind: "when-back", due: true, locked: true, last_error: "why" }]);
  await client.close();
});

test("splitting the webhook events loses none that is still kept, and forgets no id that still counts", async () => {
  const client = await PGlite.create();
  const at = entries.findIndex(({ tag }) => tag.endsWith("_growth"));
  for (const { tag } of entries.slice(0, at)) await apply(client, tag);
  await client.exec(`
    insert into webhook_events (id, type, snaptrade_user_id, payload, received_at, run_at, state, attempts, outcome, last_error, locked_until) values
      ('waiting', 'CONNECTION_BROKEN', 'one', '{"a":1}', now() - interval '100 days', '2026-11-04', 'waiting', 2, null, 'Error 22003', '2026-11-05'),
      ('dead', 'CONNECTION_BROKEN', null, '{"a":2}', now(), now(), 'dead', 8, 'unreadable', 'why', null),
      ('done', 'CONNECTION_FIXED', 'one', '{"a":3}', now() - interval '40 days', now(), 'done', 1, 'applied', null, null),
      ('ahead', 'CONNECTION_FIXED', 'one', '{"a":4}', now() + interval '40 days', now(), 'done', 1, null, null, null),
      ('heartbeat', 'ACCOUNT_HOLDINGS_UPDATED', 'one', '{"a":5}', now() - interval '1 day', now(), 'done', 1, 'noted', null, null),
      ('over', 'CONNECTION_FIXED', 'one', '{"a":6}', now() - interval '91 days', now(), 'done', 1, 'applied', null, null);`);
  await apply(client, entries[at]?.tag ?? "");

  const rows = async (query: string) => (await client.query(query)).rows;
  expect(
    await rows(
      "select id, payload, state, attempts, last_error, run_at = '2026-11-04' as due, locked_until is not null as held from inbox_events order by id",
    ),
  ).toEqual([
    {
      id: "dead",
      payload: '{"a":2}',
      state: "dead",
      attempts: 8,
      last_error: "why",
      due: false,
      held: false,
    },
    {
      id: "waiting",
      payload: '{"a":1}',
      state: "waiting",
      attempts: 2,
      last_error: "Error 22003",
      due: true,
      held: true,
    },
  ]);
  expect(
    await rows(
      `select id, payload, outcome, tableoid::regclass::text = 'webhook_events_' || to_char(received_at at time zone 'UTC', 'YYYYMMDD') as in_its_day
      from webhook_events order by id`,
    ),
  ).toEqual([
    { id: "ahead", payload: '{"a":4}', outcome: "noted", in_its_day: false },
    { id: "done", payload: '{"a":3}', outcome: "applied", in_its_day: true },
    { id: "heartbeat", payload: "{}", outcome: "noted", in_its_day: true },
  ]);
  expect(await rows("select id from webhook_event_ids order by id")).toEqual([
    { id: "ahead" },
    { id: "dead" },
    { id: "heartbeat" },
  ]);
  await client.close();
}, 60_000);

test("the roll-ups start from what the previous version stored", async () => {
  const client = await PGlite.create();
  const at = entries.findIndex(({ tag }) => tag.endsWith("_rollups"));
  for (const { tag } of entries.slice(0, at)) await apply(client, tag);
  await client.exec(`
    insert into users (id, email) values ('${owner}', 'someone@example.com'), ('${fourth}', 'other@example.com');
    insert into snaptrade_users (user_id, snaptrade_user_id, sealed_secret, registered_at)
      values ('${owner}', 'one', 'sealed', now()), ('${fourth}', 'two', 'sealed', now());
    insert into brokerages (id, slug, name, enabled, maintenance, degraded, observed_at)
      values ('${brokerage}', 'QUESTRADE', 'Questrade', true, false, false, now());
    insert into connections (id, user_id, brokerage_id, access, state, observed_at, connected_since, last_heartbeat_at, heartbeats, heartbeat_gap_ms)
      values ('${connection}', '${owner}', '${brokerage}', 'read', 'enabled', now(), now() - interval '40 days', now(), 3, 3600000);
    insert into episodes (id, connection_id, broke_at, noticed_at, noticed_by, ended_at, ended_how) values
      ('${episode}', '${connection}', now() - interval '30 days', now(), 'webhook', now() - interval '29 days', 'fixed'),
      ('${first}', '${connection}', now() - interval '9 days', now(), 'webhook', now() - interval '8 days', 'fixed');
    insert into notices (user_id, episode_id, kind, created_at, run_at) values ('${owner}', '${episode}', 'broke', now(), now());`);
  await apply(client, entries[at]?.tag ?? "");

  const rows = async (query: string) => (await client.query(query)).rows;
  expect(
    await rows(
      "select brokerage_id, user_id, round(lived_days)::int as lived from episodes order by broke_at",
    ),
  ).toEqual([
    { brokerage_id: brokerage, user_id: owner, lived: 10 },
    { brokerage_id: brokerage, user_id: owner, lived: 20 },
  ]);
  expect(await rows("select brokerage_id from notices")).toEqual([{ brokerage_id: brokerage }]);
  expect(await rows("select watched from snaptrade_users order by snaptrade_user_id")).toEqual([
    { watched: true },
    { watched: false },
  ]);
  expect(await rows("select watched from rounds")).toEqual([{ watched: 1 }]);
  expect(await rows("select brokerage_id from quarter_marks")).toEqual([{ brokerage_id: brokerage }]);
  expect(
    await rows("select extract(epoch from silent_at - last_heartbeat_at)::int as seconds from connections"),
  ).toEqual([{ seconds: 8_100 }]);
  await client.close();
});

test("hashing session tokens keeps people signed in, and drops expired sessions", async () => {
  const client = await PGlite.create();
  const at = entries.findIndex(({ tag }) => tag.endsWith("_locked_down"));
  for (const { tag } of entries.slice(0, at)) await apply(client, tag);
  await client.exec(`
    insert into users (id, email) values ('${owner}', 'someone@example.com');
    insert into sessions (session_token, user_id, expires) values
      ('a-token', '${owner}', now() + interval '20 days'), ('old', '${owner}', now() - interval '1 day');`);
  await apply(client, entries[at]?.tag ?? "");
  const { rows } = await client.query(
    "select session_token, now() - last_used_at between '8 days' and '10 days' as recent from sessions",
  );
  expect(rows).toEqual([
    { session_token: createHash("sha256").update("a-token").digest("hex"), recent: true },
  ]);
  await client.close();
});

test("people whom only the company knows need no address, and everyone else stays as they were", async () => {
  const client = await PGlite.create();
  const at = entries.findIndex(({ tag }) => tag.endsWith("_people"));
  for (const { tag } of entries.slice(0, at)) await apply(client, tag);
  await client.exec(`
    insert into users (id, email) values ('${owner}', 'someone@example.com');
    insert into snaptrade_users (user_id, snaptrade_user_id, sealed_secret, registered_at)
      values ('${owner}', 'one', 'sealed', now());`);
  await apply(client, entries[at]?.tag ?? "");
  const { rows } = await client.query(
    "select email, external_id, locale, adopted_at from users join snaptrade_users on user_id = users.id",
  );
  expect(rows).toEqual([{ email: "someone@example.com", external_id: null, locale: null, adopted_at: null }]);
  await client.exec("insert into users (external_id) values ('one'), ('two')");
  const isRefused = (values: string) =>
    client.exec(`insert into users (external_id, email) values (${values})`).then(
      () => false,
      () => true,
    );
  for (const values of ["null, null", "'one', null", "'', null", `'${"x".repeat(256)}', null`])
    expect(await isRefused(values), values).toBe(true);
  expect(await isRefused(`'${"ü".repeat(255)}', null`)).toBe(false);
  await client.close();
});

test("links in e-mails keep working: those sent before, and those that the previous version still sends", async () => {
  const client = await PGlite.create();
  const at = entries.findIndex(({ tag }) => tag.endsWith("_fix_sessions"));
  for (const { tag } of entries.slice(0, at)) await apply(client, tag);
  const link = (letter: string, more: string) =>
    `insert into fix_links (token_hash, user_id, episode_id, expires_at, used_at)
      values ('${letter.repeat(64)}', '${owner}', '${episode}', ${more});`;
  await client.exec(`
    insert into users (id, email) values ('${owner}', 'someone@example.com');
    insert into brokerages (id, slug, name, enabled, maintenance, degraded, observed_at)
      values ('${brokerage}', 'QUESTRADE', 'Questrade', true, false, false, now());
    insert into connections (id, user_id, brokerage_id, access, state, observed_at)
      values ('${connection}', '${owner}', '${brokerage}', 'read', 'disabled', now());
    insert into episodes (id, connection_id, brokerage_id, user_id, broke_at, noticed_at, noticed_by)
      values ('${episode}', '${connection}', '${brokerage}', '${owner}', now(), now(), 'webhook');
    ${link("a", "now() + interval '6 days', null")}
    ${link("b", "now() + interval '6 days', now()")}
    ${link("c", "now() - interval '1 day', null")}`);
  await apply(client, entries[at]?.tag ?? "");
  await client.exec(link("d", "now() + interval '7 days', null"));
  const { rows } = await client.query(
    `select left(token_hash, 1) as link, user_id, connection_id, origin, outcome,
      round(extract(epoch from expires_at - now()) / 86400)::int as days
    from fix_sessions order by token_hash`,
  );
  const kept = { user_id: owner, connection_id: connection, origin: "mail", outcome: null };
  expect(rows).toEqual([
    { link: "a", ...kept, days: 6 },
    { link: "d", ...kept, days: 7 },
  ]);
  await client.close();
});
