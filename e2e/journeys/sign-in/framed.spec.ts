import { createHash, randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { freePort, run } from "../../support/ground.mjs";
import { settingsFor, startApp, startEmulator, type Running } from "../../support/processes";
import { expect, test } from "../../support/test";

test.describe.configure({ mode: "serial" });

let data = "";
let app: Running;
let emulator: Running;
/** The company's product, on another site than the app. */
let product: Server;
let productUrl = "";
let framed = "";
const tokens = { first: randomUUID(), second: randomUUID(), framed: randomUUID() };

test.beforeAll(async () => {
  test.setTimeout(180_000);
  data = await mkdtemp(path.join(tmpdir(), "reconnect-framed-"));
  const ports = { app: await freePort(), emulator: await freePort(), smtp: await freePort() };
  product = createServer((_, response) =>
    response.setHeader("Content-Type", "text/html").end(
      `<!doctype html><title>Larch</title><h1>Larch</h1><iframe title="Connections" width="1100" height="700" src="${framed}"></iframe>
       <a href="http://localhost:${ports.app}/sign-in/hand-off?token=${tokens.second}">Your connections</a>`,
    ),
  ).listen(0, "127.0.0.1");
  await once(product, "listening");
  productUrl = `http://127.0.0.1:${(product.address() as AddressInfo).port}`;
  const settings = {
    DATABASE_URL: `pglite:${data}/db`,
    EMBED_ORIGINS: productUrl,
    LOG_LEVEL: "silent",
    RECONCILE_IN_PROCESS: "false",
  };
  run("npm", ["run", "--silent", "db:migrate"], { ...settingsFor(ports), ...settings });
  await handOver(`${data}/db/data`);
  emulator = await startEmulator(ports);
  app = await startApp(ports, settings);
});

test.afterAll(async () => {
  product.close();
  await Promise.all([app.stop(), emulator.stop()]);
  await rm(data, { recursive: true, force: true });
});

/** Stores hand-offs as if the company's server had asked for them; only this test knows their tokens. */
async function handOver(folder: string) {
  const client = await PGlite.create(folder);
  await client.exec("insert into users (external_id) values ('C-1001')");
  for (const token of Object.values(tokens))
    await client.query(
      `insert into hand_offs (user_id, token_hash, return_to, expires_at)
       select id, $1, '/connections/new', now() + interval '1 hour' from users`,
      [createHash("sha256").update(`hand-off ${token}`).digest("hex")],
    );
  await client.close();
}

test("a hand-off signs in through its button, once, and a preview doesn't use it up", async ({
  page,
  request,
}) => {
  const link = `${app.url}/sign-in/hand-off?token=${tokens.first}`;
  expect((await request.head(link)).status()).toBe(200);
  expect((await request.get(link)).headers()["set-cookie"] ?? "").not.toContain("session-token");
  await page.goto(link);
  await page.waitForLoadState("networkidle");
  await page.getByRole("button", { name: "Sign in as C-1001" }).click();
  await expect(page).toHaveURL(`${app.url}/connections/new`);
  await page.context().clearCookies();
  await page.goto(link);
  await expect(page.getByText("That link has already been used")).toBeVisible();
});

test("whoever comes from the company's own pages is signed in without a click", async ({ page }) => {
  await page.goto(productUrl);
  await page.getByRole("link", { name: "Your connections" }).click();
  await expect(page).toHaveURL(`${app.url}/connections/new`);
});

test("in the company's page, someone signed out is led outside the frame, to the same place", async ({
  page,
  context,
}) => {
  framed = `${app.url}/notifications`;
  await page.goto(productUrl);
  const opening = context.waitForEvent("page");
  await page.frameLocator("iframe").getByRole("link", { name: "Open" }).click();
  const own = await opening;
  await expect(own.getByRole("heading", { name: "Sign in to see your connections" })).toBeVisible();
  expect(own.url()).toContain(encodeURIComponent("/notifications"));
});

test("in the company's page, someone handed over sees their pages, and repairs in a window of its own", async ({
  page,
  context,
}) => {
  framed = `${app.url}/sign-in/hand-off?token=${tokens.framed}`;
  await page.goto(productUrl);
  const frame = page.frameLocator("iframe");
  const opening = context.waitForEvent("page");
  await frame.getByRole("button", { name: /Kraken/ }).click();
  const own = await opening;
  await expect(own).toHaveURL(/\/connections\/new\?brokerage=KRAKEN/);
  await expect(frame.getByText("we opened a window for it")).toBeVisible();
});

test("another site's frame stays empty", async ({ page }) => {
  const answer = await page.request.get(`${app.url}/sign-in/hand-off`);
  expect(answer.headers()["content-security-policy"]).toContain(`frame-ancestors ${productUrl};`);
  expect(answer.headers()["x-frame-options"]).toBeUndefined();
});
