import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Control } from "../../support/control";
import { exampleSettings, freePort } from "../../support/ground.mjs";
import { askForLink, makePerson, seedConnections, type Person } from "../../support/people";
import { startApp, startEmulator, type Running } from "../../support/processes";
import { cookiesOf, expect, row, test } from "../../support/test";

// A round looks at everyone, so these tests have their own emulator, which never sends webhooks.
test.describe.configure({ mode: "serial" });

const secret = (exampleSettings() as Record<string, string>).CRON_SECRET ?? "";
let emulator: Running;
let app: Running;
let data: string;

test.beforeAll(async () => {
  const ports = { app: await freePort(), emulator: await freePort(), smtp: await freePort() };
  data = await mkdtemp(path.join(tmpdir(), "reconnect-timer-"));
  emulator = await startEmulator(ports);
  await new Control(emulator.url).post("/settings", { webhooks: "off", deleteDelaySeconds: 0 });
  app = await startApp(ports, {
    DATABASE_URL: `pglite:${data}`,
    LOG_LEVEL: "silent",
    RECONCILE_IN_PROCESS: "false",
  });
});
test.afterAll(async () => {
  await Promise.all([app.stop(), emulator.stop()]);
  await rm(data, { recursive: true, force: true });
});

const person = (name: string) =>
  makePerson({ appUrl: app.url, emulatorUrl: emulator.url }, `${name}@example.com`);
const at = ({ snapTradeUserId }: Person, what: string) => `/users/${snapTradeUserId}${what}`;

async function round(): Promise<object> {
  const answer = await fetch(`${app.url}/api/cron/reconcile`, {
    method: "POST",
    headers: { Authorization: `Bearer ${secret}` },
  });
  return (await answer.json()) as object;
}

test("a break that no webhook reported is found by the round and shown on an open page", async ({
  page,
  context,
}) => {
  const owner = await person("round");
  const [connection] = await seedConnections(owner, [{ brokerage: "QUESTRADE" }]);
  await context.addCookies(cookiesOf(owner));
  await page.goto(`${app.url}/connections`);
  await expect(row(page, "Questrade").getByText("Connected")).toBeVisible();
  await owner.control.post(at(owner, `/connections/${connection?.id ?? ""}/break`));
  // The round skips anyone looked at within the last minute, unless there is a reason such as a
  // contradiction.
  await expect
    .poll(
      async () => {
        await round();
        return row(page, "Questrade").getByText("Needs reconnecting").isVisible();
      },
      { timeout: 80_000, intervals: [5_000] },
    )
    .toBe(true);
  expect(await (await fetch(`${app.url}/api/health`)).json()).toMatchObject({
    status: "ok",
    lostBreakFoundWithinMinutes: 1,
  });
});

test("a brokerage's maintenance is shown as the brokerage's problem, not the person's", async ({
  page,
  context,
}) => {
  const owner = await person("maintenance");
  await seedConnections(owner, [{ brokerage: "KRAKEN" }]);
  await context.addCookies(cookiesOf(owner));
  await page.goto(`${app.url}/connections`);
  await expect(row(page, "Kraken").getByText("Connected")).toBeVisible();
  await owner.control.post("/brokerages/KRAKEN", { maintenance_mode: true });
  await page.getByRole("button", { name: "Check now" }).click();
  await expect(row(page, "Kraken").getByText("Brokerage maintenance", { exact: true })).toBeVisible();
});

test("checking too often is answered with an explanation", async ({ page, context }) => {
  const owner = await person("often");
  await seedConnections(owner, [{ brokerage: "QUESTRADE" }]);
  await context.addCookies(cookiesOf(owner));
  await page.goto(`${app.url}/connections`);
  for (let press = 0; press < 6; press++) {
    await page.getByRole("button", { name: "Check now" }).click();
    await expect(page.getByRole("button", { name: "Check now" })).toBeEnabled();
  }
  await expect(async () => {
    await page.getByRole("button", { name: "Check now" }).click();
    await expect(page.getByText("We've checked with SnapTrade several times")).toBeVisible({
      timeout: 1_000,
    });
  }).toPass();
});

test("a person whose access SnapTrade refuses is first shown that nothing can be checked, not that access has ended, and one success clears it", async ({
  page,
  context,
}) => {
  const owner = await person("refused");
  await seedConnections(owner, [{ brokerage: "QUESTRADE" }]);
  await context.addCookies(cookiesOf(owner));
  await owner.control.post(at(owner, "/faults"), {
    endpoint: "list",
    kind: "status",
    status: 401,
    code: "1083",
    times: 1,
  });
  await page.goto(`${app.url}/connections`);
  await page.getByRole("button", { name: "Check now" }).click();
  await expect(page.getByText("We can’t reach SnapTrade right now")).toBeVisible();
  await expect(page.getByText("Connected", { exact: true })).toHaveCount(0);
  await page.getByRole("button", { name: "Try now" }).click();
  await expect(row(page, "Questrade").getByText("Connected", { exact: true })).toBeVisible();
});

test("deleting an account also deletes the user at SnapTrade and leaves nothing behind", async ({
  page,
  context,
}) => {
  const owner = await person("leaving");
  await seedConnections(owner, [{ brokerage: "QUESTRADE" }]);
  await context.addCookies(cookiesOf(owner));
  await page.goto(`${app.url}/account`);
  const place = { appUrl: app.url, emulatorUrl: emulator.url };
  const earlierLink = await askForLink(place, owner.email);
  await page.getByRole("button", { name: "Delete my account" }).click();
  await expect(page.getByRole("heading", { name: "Your account is being deleted" })).toBeVisible();
  for (const link of [earlierLink, await askForLink(place, owner.email)]) {
    await page.goto(link);
    await page.getByRole("button", { name: "Sign in as" }).click();
    await expect(page.getByRole("heading", { name: "Your account is being deleted" })).toBeVisible();
  }
  await page.goto(`${app.url}/connections`);
  await expect(page.getByLabel("E-mail")).toBeVisible();
  await expect
    .poll(async () =>
      (await owner.control.get<{ userId: string }[]>("/users")).some(
        ({ userId }) => userId === owner.snapTradeUserId,
      ),
    )
    .toBe(false);
  await expect
    .poll(async () => ((await round()) as { forgotten?: number }).forgotten, {
      timeout: 40_000,
      intervals: [2_000],
    })
    .toBe(1);
});
