import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Page } from "@playwright/test";
import { launchBrowser } from "../support/browser";
import { freePort, root, run } from "../support/ground.mjs";
import { askForLink } from "../support/people";
import { Company, makeApiKey } from "../support/company";
import { settingsFor, startApp, startEmulator } from "../support/processes";
import { startLarch } from "./larch/server";
import { seedDemo } from "./seed";

// `npm run screenshots`: takes the README's pictures from a demonstration with its own ports and data.
const place = (name: string) => path.join(root, "docs/screenshots", `${name}.png`);
const data = await mkdtemp(path.join(tmpdir(), "reconnect-screenshots-"));
const ports = { app: await freePort(), emulator: await freePort(), smtp: await freePort() };
const emulator = await startEmulator(ports);
const settings = {
  ...settingsFor(ports),
  DATABASE_URL: `pglite:${data}`,
  LOG_LEVEL: "error",
  EVENTS_ALLOW_PRIVATE: "true",
};
run("npm", ["run", "--silent", "db:migrate"], settings);
const apiKey = makeApiKey(settings);
const app = await startApp(ports, settings);
const servers = { appUrl: app.url, emulatorUrl: emulator.url };
const browser = await launchBrowser();
try {
  const company = new Company(servers, apiKey);
  const larchPort = await freePort();
  const endpoint = { url: `http://localhost:${larchPort}/events` };
  const { secret } = await company.call<{ secret: string }>("POST", "endpoints", endpoint);
  const person = { email: "", externalId: "" };
  const larch = await startLarch({
    port: larchPort,
    reconnectUrl: app.url,
    apiKey,
    signingSecret: secret,
    personOf: () => ({ externalId: person.externalId, name: "Maya Tremblay" }),
  });
  Object.assign(person, await seedDemo(company));
  const { email } = person;
  const page = await browser.newPage({
    viewport: { width: 1440, height: 900 },
    timezoneId: "America/Toronto",
    locale: "en-GB",
  });
  await page.goto(app.url);
  await page.screenshot({ path: place("sign-in") });
  await page.goto(await askForLink(servers, email));
  await page.getByRole("button", { name: `Sign in as ${email}` }).click();
  await page.getByRole("button", { name: "Reconnect both" }).waitFor();
  await everySize(page, "connections");
  await page.getByRole("link", { name: "Questrade" }).click();
  await page.getByRole("heading", { name: "What happened" }).waitFor();
  await everySize(page, "connection");
  await page.goto(`${app.url}/connections/new?brokerage=QUESTRADE`);
  await page.screenshot({ path: place("already-connected") });
  await page.goto(larch.url);
  await page.getByText("connections need you").waitFor();
  await page.getByText("connection.needs_owner received").first().waitFor();
  await everySize(page, "larch");
  await larch.stop();
  await reconnect(page);
  await page.goto(`${app.url}/notifications`);
  await everySize(page, "notifications");
} finally {
  await browser.close();
  await Promise.all([app.stop(), emulator.stop()]);
  await rm(data, { recursive: true, force: true });
}

// An e-mail goes out ten minutes after a break; the journeys know how to skip that time.
run(
  "npx",
  ["playwright", "test", "-c", "e2e/playwright.config.ts", "notices", "--grep", "the mail is accessible"],
  { PICTURES: "docs/screenshots" },
);

async function everySize(page: Page, name: string) {
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.evaluate(() => document.fonts.ready.then(() => undefined));
  // Nothing is pointed at, so that no row is shown as hovered.
  await page.mouse.move(0, 0);
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    for (const [size, width] of [
      ["", 1440],
      ["-phone", 390],
    ] as const) {
      await page.setViewportSize({ width, height: 900 });
      await animationsEnd(page);
      await page.screenshot({ path: place(`${name}${size}-${colorScheme}`), fullPage: true });
    }
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 1440, height: 900 });
}

async function reconnect(page: Page) {
  await page.goto(`${app.url}/connections`);
  await page.getByRole("button", { name: "Reconnect both" }).click();
  const portal = page.frameLocator("iframe");
  const opening = page.waitForEvent("popup");
  await portal.getByRole("button", { name: "Continue to Questrade" }).click();
  const popup = await opening;
  await page.screenshot({ path: place("portal") });
  await popup.getByLabel("User name").fill("good");
  await popup.getByLabel("Password").fill("anything");
  await popup.getByRole("button", { name: "Sign in and allow" }).click();
  await page.getByRole("button", { name: "Next: Robinhood" }).waitFor();
  await animationsEnd(page);
  await page.screenshot({ path: place("reconnected") });
}

/** Resolves once all animations on the page have finished. */
function animationsEnd(page: Page) {
  return page.evaluate(() =>
    Promise.all(document.getAnimations().map((animation) => animation.finished)).then(() => undefined),
  );
}
