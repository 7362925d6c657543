import AxeBuilder from "@axe-core/playwright";
import { Pool } from "pg";
import { Control } from "../../support/control";
import { exampleSettings, freePort, run } from "../../support/ground.mjs";
import { makePerson, seedConnections, type Person } from "../../support/people";
import { dialogOf, signIn } from "../../support/portal";
import { startPostgres, type Postgres } from "../../support/postgres";
import { settingsFor, startApp, startEmulator, type Running } from "../../support/processes";
import { cookiesOf, expect, test } from "../../support/test";

// Ten minutes and three days are made to have passed in the database, so these tests have one of their own.
test.describe.configure({ mode: "serial" });

const secret = (exampleSettings() as Record<string, string>).CRON_SECRET ?? "";
let postgres: Postgres;
let pool: Pool;
let emulator: Running;
let app: Running;

test.beforeAll(async () => {
  postgres = await startPostgres();
  pool = new Pool({ connectionString: postgres.url, max: 1 });
  const ports = { app: await freePort(), emulator: await freePort(), smtp: await freePort() };
  const settings = { DATABASE_URL: postgres.url, LOG_LEVEL: "silent", RECONCILE_IN_PROCESS: "false" };
  if (!run("npm", ["run", "--silent", "db:migrate"], { ...settingsFor(ports), ...settings }))
    throw new Error("No migration");
  emulator = await startEmulator(ports);
  await new Control(emulator.url).post("/settings", { rateLimit: 100_000 });
  app = await startApp(ports, settings);
});
test.afterAll(async () => {
  await pool.end();
  await Promise.all([app.stop(), emulator.stop()]);
  await postgres.stop();
});

interface Told {
  id: string;
  subject: string;
  links: string[];
}

async function makeOwner(name: string, ...brokerages: string[]) {
  const person = await makePerson({ appUrl: app.url, emulatorUrl: emulator.url }, `${name}@example.com`);
  // Only the break is to be told: what SnapTrade says of new connections makes us look, and a look must not
  // meet the leap of time below.
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

const break_ = (person: Person, id: string | undefined) =>
  person.control.post(`/users/${person.snapTradeUserId}/connections/${id ?? ""}/break`);

/** As if the time for every waiting notice had come, and the scheduler with it. */
async function mailNow(): Promise<void> {
  // Episodes are a fold of observations, so both have to be older.
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

const mails = (person: Person, about: RegExp) =>
  person.control
    .get<Told[]>(`/mail?to=${encodeURIComponent(person.email)}`)
    .then((all) => all.filter(({ subject }) => about.test(subject)));

/** SnapTrade's webhook has reached the database. */
const noticed = (id: string | undefined, ended: boolean) =>
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

/** Somebody whose connections broke a while ago, and were mailed about unless something holds that. */
async function makeBroken(name: string, ...brokerages: string[]) {
  const owner = await makeOwner(name, ...brokerages);
  for (const id of owner.ids) await break_(owner.person, id);
  for (const id of owner.ids) await noticed(id, false);
  await mailNow();
  return owner;
}

async function linkInMail(person: Person, path: string): Promise<string> {
  const [mail] = await mails(person, /needs reconnecting/);
  return mail?.links.find((link) => link.includes(path)) ?? "";
}

/** As if these connections had broken long ago, and no other one since. */
async function calmDown(ids: string[]): Promise<void> {
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

/** Twenty-five connections' lives at one brokerage, thirty days each, as the database would remember them. */
async function writeHistory(slug: string): Promise<void> {
  const { brokerages } = await new Control(emulator.url).get<{ brokerages: { id: string; slug: string }[] }>(
    "/state",
  );
  const brokerage = brokerages.find((one) => one.slug === slug);
  await pool.query(
    `with person as (insert into users (email) values ('history@example.com') returning id),
      place as (insert into brokerages (id, slug, name, enabled, maintenance, degraded, observed_at)
        values ($1, $2, $2, true, false, false, now() - interval '1 day') returning id),
      connection as (insert into connections (id, user_id, brokerage_id, access, state, observed_at, connected_since)
        select gen_random_uuid(), person.id, place.id, 'read', 'enabled', now(), now() - interval '780 days' from person, place returning id)
    insert into episodes (connection_id, broke_at, noticed_at, noticed_by, ended_at, ended_how)
      select id, now() - interval '30 days' * n, now() - interval '30 days' * n, 'webhook', now() - interval '30 days' * n + interval '1 hour', 'fixed'
      from connection, generate_series(1, 25) as n`,
    [brokerage?.id, slug],
  );
}

test("a connection near its usual end says so, works on, and begins anew once it is signed in early", async ({
  page,
  context,
}) => {
  await writeHistory("DEGIRO");
  const person = await makePerson({ appUrl: app.url, emulatorUrl: emulator.url }, "early@example.com");
  const createdDate = new Date(Date.now() - 28 * 86_400_000).toISOString();
  const [connection] = await seedConnections(person, [{ brokerage: "DEGIRO", createdDate }]);
  await context.addCookies(cookiesOf(person));
  await page.goto(`${app.url}/connections`);
  const listed = page.getByRole("listitem", { name: /Degiro/ });
  await expect(listed).toContainText(/Connected\s*You may need to sign in again in about 2\sdays/);
  await mailNow();
  expect(await mails(person, /Degiro/)).toEqual([]);

  await page.goto(`${app.url}/connections/${connection?.id ?? ""}`);
  await page.getByRole("button", { name: "Sign in to Degiro again now" }).click();
  const { portal, result } = dialogOf(page);
  await signIn(portal, "good");
  await expect(result("You’re signed in to Degiro again")).toBeVisible();
  await page.goto(`${app.url}/connections`);
  await expect(listed).toContainText("Connected");
  await expect(listed).not.toContainText("You may need to sign in again");
});

test("from the break to the receipt: mail, fix link, portal, the same connection works again", async ({
  page,
  context,
}) => {
  const { person, ids } = await makeBroken("journey", "VANGUARD");
  const link = await linkInMail(person, "/fix/");

  // Scanners open links before people do.
  for (const method of ["GET", "HEAD", "GET"]) await fetch(link, { method });
  const requests = await person.control.get<{ requests: { path: string }[] }>(
    `/users/${person.snapTradeUserId}`,
  );
  const asked = requests.requests.filter(({ path }) => path === "/snapTrade/login").length;

  await context.addCookies(cookiesOf(person));
  await page.goto(`${app.url}/connections`);
  await expect(page.getByRole("link", { name: /Notifications 1 unread/ })).toBeVisible();
  await page.goto(link);
  await expect(page.getByRole("heading", { name: "Reconnect Vanguard US" })).toBeVisible();
  await expect(page.getByText("4821")).toBeVisible();
  expect(requests.requests.filter(({ path }) => path === "/snapTrade/login")).toHaveLength(asked);
  await page.getByRole("button", { name: "Reconnect Vanguard US" }).click();
  await signIn(page, "good");
  await page.waitForURL(`${app.url}/**`);
  await noticed(ids[0], true);
  await mailNow();
  expect(await mails(person, /works again/)).toHaveLength(1);

  await page.goto(link);
  await expect(page.getByRole("heading", { name: "This link no longer works" })).toBeVisible();
  await page.goto(`${app.url}/notifications`);
  await expect(page.getByRole("listitem")).toHaveCount(2);
  await page.getByRole("button", { name: "Mark all as read" }).click();
  await expect(page.getByText("All read")).toBeVisible();
  await page.goto(`${app.url}/connections/${ids[0] ?? ""}`);
  for (const subject of [
    "Your Vanguard US connection needs reconnecting",
    "Your Vanguard US connection works again",
  ])
    await expect(page.getByText(`To journey@example.com, subject “${subject}”`)).toBeVisible();
});

test("several breaks at once are one mail", async () => {
  const { person } = await makeBroken("grouped", "QUESTRADE", "KRAKEN", "VANGUARD");
  const [mail, ...others] = await mails(person, /need/);
  expect(others).toEqual([]);
  expect(mail?.subject).toBe("3 connections need reconnecting");
});

test("in a wave of breaks nobody is mailed; once it is over, everybody whom it still concerns", async ({
  page,
  context,
}) => {
  const owners: Awaited<ReturnType<typeof makeOwner>>[] = [];
  for (const name of ["ann", "ben", "cem", "dora", "eve"]) owners.push(await makeOwner(name, "FIDELITY"));
  for (const { person, ids } of owners) await break_(person, ids[0]);
  for (const { ids } of owners) await noticed(ids[0], false);
  await mailNow();
  const subjects = async () =>
    (await Promise.all(owners.map(({ person }) => mails(person, /Fidelity/)))).map((all) =>
      all.map(({ subject }) => subject),
    );
  expect(await subjects()).toEqual([[], [], [], [], []]);

  const [ann, ben] = owners;
  if (!ann || !ben) throw new Error("Nobody was made");
  await context.addCookies(cookiesOf(ann.person));
  await page.goto(`${app.url}/connections`);
  await expect(page.getByRole("listitem", { name: /Fidelity/ })).toContainText(
    "Many Fidelity connections stopped at once",
  );
  await page.getByRole("link", { name: "Fidelity" }).click();
  await expect(page.getByText("Many Fidelity connections stopped at about the same time")).toBeVisible();

  await ben.person.control.post(`/users/${ben.person.snapTradeUserId}/connections/${ben.ids[0] ?? ""}/fix`);
  await noticed(ben.ids[0], true);
  await calmDown(owners.flatMap(({ ids }) => ids));
  await mailNow();
  const back = ["Fidelity is back: you can reconnect now"];
  expect(await subjects()).toEqual([back, [], back, back, back]);
});

test("who was told that the brokerage can’t be reached can ask to be told when it is worth trying again", async ({
  page,
  context,
}) => {
  const { person, ids } = await makeBroken("patient", "TASTYTRADE");
  await context.addCookies(cookiesOf(person));
  await page.goto(`${app.url}/connections`);
  await page.getByRole("button", { name: "Reconnect tastytrade" }).first().click();
  const { portal, dialog, result, close, leavePortal } = dialogOf(page);
  await signIn(portal, "unreachable");
  await leavePortal();
  await expect(result("tastytrade can’t be reached right now")).toBeVisible();
  await dialog.getByRole("button", { name: "E-mail me when it’s back" }).click();
  await expect(dialog.getByText("We’ll e-mail you when it’s worth trying tastytrade again.")).toBeVisible();
  await close();
  await expect(dialog).toBeHidden();
  await mailNow();
  expect(await mails(person, /is back/)).toEqual([]);
  await pool.query("update notices set created_at = created_at - interval '1 hour' where kind = 'when-back'");
  await mailNow();
  const [mail, ...others] = await mails(person, /is back/);
  expect(others).toEqual([]);
  expect(mail?.subject).toBe("tastytrade is back: you can reconnect now");
  await page.goto(mail?.links.find((link) => link.includes("/fix/")) ?? "");
  await expect(page.getByRole("heading", { name: "Reconnect tastytrade" })).toBeVisible();
  expect(ids).toHaveLength(1);
});

test("a fix link leads through sign-in, and is nobody else's", async ({ page, context }) => {
  const { person } = await makeBroken("owner", "KRAKEN");
  const link = await linkInMail(person, "/fix/");
  await page.goto(link);
  await expect(page.getByLabel("E-mail")).toBeVisible();
  expect(new URL(page.url()).searchParams.get("callbackUrl")).toBe(new URL(link).pathname);
  const stranger = await makePerson({ appUrl: app.url, emulatorUrl: emulator.url }, "stranger@example.com");
  await context.addCookies(cookiesOf(stranger));
  await page.goto(link);
  await expect(page.getByRole("heading", { name: "This link no longer works" })).toBeVisible();
});

test("one click in the mail program ends the mails; a scanner that opens the link does not", async ({
  page,
}) => {
  const { person } = await makeBroken("leaving", "QUESTRADE");
  const link = await linkInMail(person, "/api/unsubscribe/");
  const preference = async () =>
    (
      await pool.query<{ mail_preference: string }>("select mail_preference from users where email = $1", [
        person.email,
      ])
    ).rows[0]?.mail_preference;
  for (const method of ["GET", "HEAD"]) await fetch(link, { method });
  expect(await preference()).toBe("all");
  await page.goto(link);
  await expect(page.getByRole("button", { name: "Unsubscribe" })).toBeVisible();
  expect((await fetch(link, { method: "POST", body: "List-Unsubscribe=One-Click" })).status).toBe(200);
  expect(await preference()).toBe("none");
  expect((await fetch(link.replace(/\.[^.]*$/, ".forged"), { method: "POST" })).status).toBe(404);
});

test("what a person wants to get is theirs to choose", async ({ page, context }) => {
  const { person } = await makeOwner("choosing", "QUESTRADE");
  await context.addCookies(cookiesOf(person));
  await page.goto(`${app.url}/notifications`);
  await page.getByRole("radio", { name: /Only the first/ }).check();
  await page.getByLabel("From").fill("21:30");
  await page.getByLabel("Until").fill("07:15");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Saved.")).toBeVisible();
  await page.reload();
  await expect(page.getByRole("radio", { name: /Only the first/ })).toBeChecked();
  await expect(page.getByLabel("From")).toHaveValue("21:30");
  const found = await new AxeBuilder({ page }).analyze();
  expect(found.violations).toEqual([]);
});

test("the mail is readable for everybody, light and dark", async ({ page }) => {
  const { person } = await makeBroken("reading", "QUESTRADE");
  const [mail] = await person.control.get<{ html: string }[]>(`/mail?to=${encodeURIComponent(person.email)}`);
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    await page.setContent(mail?.html ?? "");
    const found = await new AxeBuilder({ page }).analyze();
    expect(found.violations).toEqual([]);
    await page.screenshot({
      path: `${process.env.PICTURES ?? "test-results"}/mail-${colorScheme}.png`,
      fullPage: true,
    });
  }
});
