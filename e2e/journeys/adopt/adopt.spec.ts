import type { Page } from "@playwright/test";
import type { Customer } from "../../support/company";
import { enterBySession, repair } from "../../support/repair";
import { broken, expect, test } from "../../support/test";
import { appLink, setStage } from "./stage";

// In one worker, so that the stage is set once.
test.describe.configure({ mode: "default" });

let stage: Awaited<ReturnType<typeof setStage>>;

test.beforeAll(async () => {
  test.setTimeout(180_000);
  stage = await setStage();
});
test.afterAll(() => stage.stop());

interface FixSession {
  id: string;
  url: string;
}

const fixSession = (customer: Customer, more: object) =>
  stage.company.call<FixSession>("POST", "fix-sessions", { user: customer.externalId, ...more });

/** Someone with a working connection, which then breaks; Reconnect hears of it by webhook, and Larch by event. */
async function bringAndBreak(): Promise<Customer> {
  const customer = await stage.bring({ brokerage: "VANGUARD" });
  await stage.company.control.post(
    `/users/${customer.snapTradeUserId}/connections/${customer.ids[0] ?? ""}/break`,
  );
  await expect.poll(() => stage.heard(customer)).toContain("connection.needs_owner");
  return customer;
}

/** The same connection works again, and Larch has heard so. */
async function expectRepaired(customer: Customer, session?: FixSession): Promise<void> {
  const [connection, ...others] = await stage.company.connectionsOf(customer);
  expect(others).toEqual([]);
  expect(connection).toMatchObject({ id: customer.ids[0], disabled: false });
  await expect
    .poll(() => stage.heard(customer))
    .toEqual(expect.arrayContaining(["connection.fixed", "fix_session.completed"]));
  if (session)
    expect(await stage.company.call("GET", `fix-sessions/${session.id}`)).toMatchObject({ status: "fixed" });
}

test("someone without an e-mail address repairs through the banner, signed in for that alone", async ({
  page,
  context,
}) => {
  const customer = await bringAndBreak();
  await stage.enterLarch(context, customer);
  await page.goto(stage.larch.url);
  await expect(page.getByText("connection.needs_owner received")).toBeVisible();
  await page.getByRole("button", { name: "Reconnect" }).click();
  await enterBySession(page);
  await repair(page, "Vanguard US");
  await page.getByRole("link", { name: "Back to Larch" }).click();
  await expect(page).toHaveURL(`${stage.larch.url}/`);
  await expect(page.getByText("Every account is up to date.")).toBeVisible();
  await expect(page.getByRole("status")).toBeEmpty();
  await expectRepaired(customer);
});

test("someone signs in through the company's identity provider and repairs", async ({ page }) => {
  const customer = await bringAndBreak();
  const session = await fixSession(customer, { return_url: stage.larch.url });
  await page.goto(session.url);
  await signInThroughProvider(page, customer);
  await repair(page, "Vanguard US");
  await expectRepaired(customer, session);
});

test("someone is handed off, signed in, and repairs", async ({ page }) => {
  const customer = await bringAndBreak();
  const session = await fixSession(customer, { return_url: stage.larch.url });
  const link = await stage.company.call<{ url: string }>("POST", "sign-in-links", {
    user: customer.externalId,
    return_to: new URL(session.url).pathname,
  });
  await page.goto(link.url);
  await page.getByRole("button", { name: /^Sign in as/ }).click();
  await repair(page, "Vanguard US");
  await expectRepaired(customer, session);
});

test("someone repairs on a phone, and the way back leads into the company's app", async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 800 });
  const customer = await bringAndBreak();
  const session = await fixSession(customer, { return_url: appLink, sign_in: true });
  await page.goto(session.url);
  await enterBySession(page);
  await repair(page, "Vanguard US");
  const back = await page.getByRole("link", { name: "Back to Larch" }).getAttribute("href");
  expect(back).toBe(`${appLink}?fix_session=${session.id}&status=fixed`);
  await expectRepaired(customer, session);
});

async function signInThroughProvider(page: Page, { externalId }: Customer) {
  await page.getByRole("button", { name: "Continue with Larch ID" }).click();
  await page.getByLabel("User name").fill(externalId);
  await page.getByRole("button", { name: "Sign in" }).click();
}

test.describe("the banner", () => {
  test("is there for anyone to add, and runs nothing where it is kept", async ({ request }) => {
    const answer = await request.get(`${stage.appUrl}/r/connection-banner.json`);
    expect(answer.headers()).toMatchObject({
      "access-control-allow-origin": "*",
      "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
      "x-content-type-options": "nosniff",
    });
    expect(await answer.json()).toMatchObject({ name: "connection-banner", type: "registry:block" });
  });

  test("says how many need the person, and shows nothing when none does", async ({ page, context }) => {
    const both = await stage.bring(broken("VANGUARD"), broken("FIDELITY"), { brokerage: "KRAKEN" });
    await stage.enterLarch(context, both);
    await page.goto(stage.larch.url);
    await expect(page.getByText("2 connections need you")).toBeVisible();
    await expect(page.getByRole("button", { name: "Reconnect both" })).toBeVisible();

    const nobody = await stage.bring({ brokerage: "VANGUARD" });
    await stage.enterLarch(context, nobody);
    await page.reload();
    await expect(page.getByText("Every account is up to date.")).toBeVisible();
    await expect(page.getByRole("status")).toBeEmpty();
  });

  test("starts one repair however often it is clicked, and says so when it can't", async ({
    page,
    context,
  }) => {
    await stage.enterLarch(context, await stage.bring(broken("VANGUARD")));
    await page.goto(stage.larch.url);
    const button = page.getByRole("button", { name: "Reconnect" });
    await button.waitFor();
    await context.setOffline(true);
    await button.click();
    await expect(page.getByRole("status")).toContainText("Nothing was changed");
    await context.setOffline(false);
    const posts: string[] = [];
    page.on("request", (request) => request.method() === "POST" && posts.push(request.url()));
    await button.dblclick();
    await page.waitForURL(/\/fix\//);
    expect(posts).toEqual([`${stage.larch.url}/api/reconnect`]);
    // The browser shows the page again as it was; the button is usable.
    await page.goBack();
    await expect(page.getByRole("button", { name: "Reconnect" })).toBeVisible();
  });

  test("opens a window of its own inside another site's frame", async ({ page, context }) => {
    await stage.enterLarch(context, await stage.bring(broken("VANGUARD")));
    await page.goto(stage.larch.url);
    await page.setContent(`<iframe src="${stage.larch.url}" width="900" height="700"></iframe>`);
    const opened = page.waitForEvent("popup");
    await page.frameLocator("iframe").getByRole("button", { name: "Reconnect" }).click();
    const popup = await opened;
    await popup.waitForURL(/\/fix\//);
    await expect(popup.getByRole("button", { name: "Continue", exact: true })).toBeVisible();
  });
});
