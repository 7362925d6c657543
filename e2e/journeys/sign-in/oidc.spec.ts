import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Page } from "@playwright/test";
import { freePort } from "../../support/ground.mjs";
import { startIdentityProvider, type IdentityProvider } from "../../support/identity-provider";
import { startApp, type Running } from "../../support/processes";
import { expect, test } from "../../support/test";

test.describe.configure({ mode: "serial" });

let data = "";
let provider: IdentityProvider;
let app: Running;

const people = {
  maya: { customer_number: "C-1001", email: "maya@larch.example", email_verified: true },
  nameless: { email: "nameless@larch.example", email_verified: true },
};

test.beforeAll(async () => {
  test.setTimeout(180_000);
  data = await mkdtemp(path.join(tmpdir(), "reconnect-oidc-"));
  const ports = { app: await freePort(), emulator: await freePort(), smtp: await freePort() };
  const appUrl = `http://localhost:${ports.app}`;
  provider = await startIdentityProvider({ port: await freePort(), appUrl }, people);
  app = await startApp(ports, {
    ...provider.settings,
    SIGN_IN: "oidc",
    OIDC_NAME: "Larch ID",
    OIDC_EXTERNAL_ID_CLAIM: "customer_number",
    DATABASE_URL: `pglite:${data}`,
    LOG_LEVEL: "silent",
    RECONCILE_IN_PROCESS: "false",
  });
});

test.afterAll(async () => {
  await Promise.all([app.stop(), provider.stop()]);
  await rm(data, { recursive: true, force: true });
});

async function signInAs(page: Page, name: string) {
  await page.getByRole("button", { name: "Continue with Larch ID" }).click();
  await page.getByLabel("User name").fill(name);
  await page.getByRole("button", { name: "Sign in" }).click();
}

test("someone signs in through the company's provider, and comes back to the page they wanted", async ({
  page,
}) => {
  await page.goto(`${app.url}/notifications`);
  await expect(page.getByLabel("E-mail")).toHaveCount(0);
  await signInAs(page, "maya");
  await expect(page).toHaveURL(`${app.url}/notifications`);
  await page.getByRole("button", { name: "Account" }).click();
  await expect(page.getByText("maya@larch.example").first()).toBeVisible();
  const cookies = (await page.context().cookies(app.url)).map(({ name }) => name);
  expect(cookies.filter((name) => name.startsWith("next-auth."))).toEqual(["next-auth.session-token"]);
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByRole("button", { name: "Continue with Larch ID" })).toBeVisible();
  expect(await page.context().cookies(app.url)).not.toContainEqual(
    expect.objectContaining({ name: "next-auth.session-token" }),
  );
});

test("whoever gives up or isn't named there reads why, and can try again", async ({ page }) => {
  await page.goto(`${app.url}/notifications`);
  await page.getByRole("button", { name: "Continue with Larch ID" }).click();
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(page.getByText("Larch ID didn’t sign you in.")).toBeVisible();
  await signInAs(page, "nameless");
  await expect(page.getByText("didn’t identify you in a way we can use")).toBeVisible();
  await page.context().clearCookies({ domain: "localhost", name: /_session/ });
  await signInAs(page, "maya");
  await expect(page).toHaveURL(`${app.url}/notifications`);
});

test("an answer that this browser didn't ask for signs nobody in", async ({ page }) => {
  await page.goto(`${app.url}/api/auth/callback/oidc?code=stolen&state=made-up`);
  await expect(page.getByText("That sign-in couldn’t be completed.")).toBeVisible();
  await page.goto(`${app.url}/connections`);
  await expect(page.getByRole("button", { name: "Continue with Larch ID" })).toBeVisible();
});

test("while the provider is away, the page says so", async ({ page }) => {
  await provider.stop();
  await page.goto(app.url);
  await page.getByRole("button", { name: "Continue with Larch ID" }).click();
  await expect(page.getByText("We couldn’t reach Larch ID to sign you in.")).toBeVisible();
});
