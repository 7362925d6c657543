import { run } from "../../support/ground.mjs";
import { freePort } from "../../support/ground.mjs";
import { makePerson, seedConnections } from "../../support/people";
import { startPostgres } from "../../support/postgres";
import { settingsFor, startApp, startEmulator } from "../../support/processes";
import { cookiesOf, expect, row, test } from "../../support/test";

test("a webhook posted to one process reaches a browser on the other", async ({ page, context }) => {
  test.setTimeout(120_000);
  const postgres = await startPostgres();
  const ports = { app: await freePort(), emulator: await freePort(), smtp: await freePort() };
  const settings = { DATABASE_URL: postgres.url, LOG_LEVEL: "silent" };
  expect(run("npm", ["run", "--silent", "db:migrate"], { ...settingsFor(ports), ...settings })).toBe(true);
  const emulator = await startEmulator(ports);
  const posted = await startApp(ports, settings);
  const watched = await startApp({ ...ports, app: await freePort() }, { ...settings, APP_URL: posted.url });
  try {
    const person = await makePerson({ appUrl: posted.url, emulatorUrl: emulator.url }, "two@example.com");
    const [connection] = await seedConnections(person, [{ brokerage: "QUESTRADE" }]);
    await context.addCookies(cookiesOf(person));
    await page.goto(`${watched.url}/connections`);
    await expect(row(page, "Questrade").getByText("Connected")).toBeVisible();
    await person.control.post(`/users/${person.snapTradeUserId}/connections/${connection?.id ?? ""}/break`);
    await expect(row(page, "Questrade").getByText("Needs reconnecting")).toBeVisible();
  } finally {
    await Promise.all([posted.stop(), watched.stop(), emulator.stop()]);
    await postgres.stop();
  }
});
