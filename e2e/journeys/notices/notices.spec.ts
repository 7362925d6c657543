import AxeBuilder from "@axe-core/playwright";
import { makePerson, seedConnections } from "../../support/people";
import { dialogOf, signIn } from "../../support/portal";
import { cookiesOf, expect, test } from "../../support/test";
import {
  app,
  break_,
  calmDown,
  emulator,
  linkInMail,
  mailNow,
  mails,
  makeBroken,
  makeOwner,
  noticed,
  pool,
  startStage,
  stopStage,
  writeHistory,
} from "./stage";

// These tests move time forward in the database, so they have their own.
test.describe.configure({ mode: "serial" });
test.beforeAll(startStage);
test.afterAll(stopStage);

test("a connection near the end of its usual lifetime says so, keeps working, and starts over after an early sign-in", async ({
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

test("a break leads through mail, fix link, and portal to the same connection working again", async ({
  page,
  context,
}) => {
  const { person, ids } = await makeBroken("journey", "VANGUARD");
  const link = await linkInMail(person, "/fix/");

  // Mail scanners open links before people do.
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
  await expect(page.getByRole("heading", { name: "Vanguard US is connected again" })).toBeVisible();
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

test("several breaks at once make one mail", async () => {
  const { person } = await makeBroken("grouped", "QUESTRADE", "KRAKEN", "VANGUARD");
  const [mail, ...others] = await mails(person, /need/);
  expect(others).toEqual([]);
  expect(mail?.subject).toBe("3 connections need reconnecting");
});

test("during an incident nobody is mailed; once it is over, everyone still affected is", async ({
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
  if (!ann || !ben) throw new Error("No owners were created");
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

test("a person whose brokerage can’t be reached can ask for a mail when it is worth trying again", async ({
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

test("a fix link leads through sign-in and works for nobody else", async ({ page, context }) => {
  const { person } = await makeBroken("owner", "KRAKEN");
  const link = await linkInMail(person, "/fix/");
  await page.goto(link);
  await expect(page.getByLabel("E-mail")).toBeVisible();
  expect(new URL(page.url()).searchParams.get("callbackUrl")).toBe(new URL(link).pathname);
  const stranger = await makePerson({ appUrl: app.url, emulatorUrl: emulator.url }, "stranger@example.com");
  await context.addCookies(cookiesOf(stranger));
  await page.goto(link);
  await expect(page.getByRole("heading", { name: "This link is for someone else" })).toBeVisible();
});

test("one-click unsubscribe stops the mails; a scanner that opens the link doesn't", async ({ page }) => {
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

test("a person chooses which mails they get, and when", async ({ page, context }) => {
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

test("the mail is accessible in light and dark mode", async ({ page }) => {
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
