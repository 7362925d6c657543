import { Pool } from "pg";
import { Control } from "../../support/control";
import { exampleSettings, freePort, run } from "../../support/ground.mjs";
import { makePerson, seedConnections, type Person } from "../../support/people";
import { startPostgres, type Postgres } from "../../support/postgres";
import { settingsFor, startApp, startEmulator, type Running } from "../../support/processes";
import { expect } from "../../support/test";

const secret = (exampleSettings() as Record<string, string>).CRON_SECRET ?? "";
let postgres: Postgres;
export let pool: Pool;
export let emulator: Running;
export let app: Running;

/** Starts a database, an emulator, and an app that only these tests use. */
export async function startStage(): Promise<void> {
  postgres = await startPostgres();
  pool = new Pool({ connectionString: postgres.url, max: 1 });
  const ports = { app: await freePort(), emulator: await freePort(), smtp: await freePort() };
  const settings = {
    DATABASE_URL: postgres.url,
    LOG_LEVEL: "silent",
    RECONCILE_IN_PROCESS: "false",
    RETURN_URLS: "larch://",
  };
  if (!run("npm", ["run", "--silent", "db:migrate"], { ...settingsFor(ports), ...settings }))
    throw new Error("No migration");
  emulator = await startEmulator(ports);
  await new Control(emulator.url).post("/settings", { rateLimit: 100_000 });
  app = await startApp(ports, settings);
}

export async function stopStage(): Promise<void> {
  await pool.end();
  await Promise.all([app.stop(), emulator.stop()]);
  await postgres.stop();
}

interface Mail {
  id: string;
  subject: string;
  links: string[];
}

export async function makeOwner(name: string, ...brokerages: string[]) {
  const person = await makePerson({ appUrl: app.url, emulatorUrl: emulator.url }, `${name}@example.com`);
  // Only the break should send webhooks: events about new connections trigger looks, which must not run while
  // time is moved forward below.
  const webhooks = (setting: string) =>
    person.control.post(`/users/${person.snapTradeUserId}/settings`, { webhooks: setting });
  await webhooks("off");
  const made = await seedConnections(
    person,
    brokerages.map((brokerage) => ({ brokerage, accounts: [{ name: "TFSA", number: "51284821" }] })),
  );
  await webhooks("send");
  await pool.query("update users set quiet_from = 0, quiet_to = 0 where email = $1", [person.email]);
  return { person, ids: made.map(({ id }) => id) };
}

export const break_ = (person: Person, id: string | undefined) =>
  person.control.post(`/users/${person.snapTradeUserId}/connections/${id ?? ""}/break`);

/** Makes every waiting notice due, and runs a round. */
export async function mailNow(): Promise<void> {
  // Episodes are derived from observations, so both must be moved back.
  await pool.query(
    "update observations set recorded_at = recorded_at - interval '11 minutes' where state = 'disabled'",
  );
  await pool.query(
    "update episodes set noticed_at = noticed_at - interval '11 minutes' where ended_at is null",
  );
  await pool.query("update notices set run_at = now() - interval '1 second' where mail = 'waiting'");
  await pool.query("update rounds set locked_until = now() - interval '1 second'");
  const answer = await fetch(`${app.url}/api/cron/reconcile`, {
    method: "POST",
    headers: { Authorization: `Bearer ${secret}` },
  });
  expect(answer.status).toBe(200);
}

export const mails = (person: Person, about: RegExp) =>
  person.control
    .get<Mail[]>(`/mail?to=${encodeURIComponent(person.email)}`)
    .then((all) => all.filter(({ subject }) => about.test(subject)));

/** Resolves once SnapTrade's webhook is in the database. */
export const noticed = (id: string | undefined, ended: boolean) =>
  expect
    .poll(
      async () =>
        (
          await pool.query(
            `select 1 from episodes where connection_id = $1 and (ended_at is not null) = $2`,
            [id, ended],
          )
        ).rowCount,
    )
    .toBeGreaterThan(0);

/** Creates a person whose connections broke a while ago, and sends the mails due about that. */
export async function makeBroken(name: string, ...brokerages: string[]) {
  const owner = await makeOwner(name, ...brokerages);
  for (const id of owner.ids) await break_(owner.person, id);
  for (const id of owner.ids) await noticed(id, false);
  await mailNow();
  return owner;
}

export async function linkInMail(person: Person, path: string): Promise<string> {
  const [mail] = await mails(person, /needs reconnecting/);
  return mail?.links.find((link) => link.includes(path)) ?? "";
}

/** Moves these breaks far into the past, so that they no longer make an incident. */
export async function calmDown(ids: string[]): Promise<void> {
  await pool.query(
    "update observations set observed_at = observed_at - interval '1 hour' where connection_id = any($1)",
    [ids],
  );
  await pool.query(
    "update episodes set broke_at = broke_at - interval '1 hour', ended_at = ended_at - interval '1 hour' where connection_id = any($1)",
    [ids],
  );
  await pool.query("update incidents set last_seen_at = last_seen_at - interval '1 hour'");
}

/** Writes 25 episodes at one brokerage, 30 days apart, for its usual lifetime. */
export async function writeHistory(slug: string): Promise<void> {
  const { brokerages } = await new Control(emulator.url).get<{ brokerages: { id: string; slug: string }[] }>(
    "/state",
  );
  const brokerage = brokerages.find((one) => one.slug === slug);
  await pool.query(
    `with person as (insert into users (email) values ('history@example.com') returning id),
      place as (insert into brokerages (id, slug, name, enabled, maintenance, degraded, observed_at)
        values ($1, $2, $2, true, false, false, now() - interval '1 day') returning id),
      connection as (insert into connections (id, user_id, brokerage_id, access, state, observed_at, connected_since)
        select gen_random_uuid(), person.id, place.id, 'read', 'enabled', now(), now() - interval '780 days' from person, place returning id, user_id, brokerage_id)
    insert into episodes (connection_id, user_id, brokerage_id, lived_days, broke_at, noticed_at, noticed_by, ended_at, ended_how)
      select id, user_id, brokerage_id, 30, now() - interval '30 days' * n, now() - interval '30 days' * n, 'webhook', now() - interval '30 days' * n + interval '1 hour', 'fixed'
      from connection, generate_series(1, 25) as n`,
    [brokerage?.id, slug],
  );
}
