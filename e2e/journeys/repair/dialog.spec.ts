import type { Route } from "@playwright/test";
import { dialogOf, openDialog, signIn } from "../../support/portal";
import { broken, expect, row, test } from "../../support/test";

test("the whole journey: the same connection shows as reconnected once SnapTrade confirms it", async ({
  page,
  owner,
}) => {
  await page.goto("/connections");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Your Vanguard US connection needs you");
  const { portal, result, dialog } = await openDialog(page, "Vanguard US");
  await expect(dialog.getByTitle("SnapTrade sign-in for Vanguard US")).toBeVisible();
  await expect(dialog.getByText("ending in 4417")).toBeVisible();
  await signIn(portal, "good");
  await expect(result("Vanguard US is connected again")).toBeFocused();
  await expect(dialog.getByText("SnapTrade confirmed")).toBeVisible();
  await expect(dialog.getByText("1 of 1 back")).toBeVisible();
  await dialog.getByRole("button", { name: "Done" }).click();
  await expect(row(page, "Vanguard US")).toContainText("Reconnected");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Your connection is working");
  await page.goto(`/connections/${owner.ids[0] ?? ""}`);
  await expect(page.getByText("You finished signing in.")).toBeVisible();
});

test("brokerages that ask for a code or an API key can be reconnected", async ({ page, context, make }) => {
  const owner = await make(broken("ROBINHOOD"), broken("KRAKEN"));
  await owner.enter(context);
  const robinhood = await openDialog(page, "Robinhood");
  await signIn(robinhood.portal, "good");
  await robinhood.portal.getByLabel("Code").fill("123456");
  await robinhood.portal.getByRole("button", { name: "Continue", exact: true }).click();
  await expect(robinhood.result("Robinhood is connected again")).toBeVisible();
  const kraken = await openDialog(page, "Kraken");
  await kraken.portal.getByLabel("API key").fill("good");
  await kraken.portal.getByLabel("API secret").fill("anything");
  await kraken.portal.getByRole("button", { name: "Reconnect", exact: true }).click();
  await expect(kraken.result("Kraken is connected again")).toBeVisible();
});

test.describe("a sign-in in the brokerage's own window", () => {
  test("shows the result when finished", async ({ page, context, make }) => {
    const owner = await make(broken("QUESTRADE"));
    await owner.enter(context);
    const { portal, result } = await openDialog(page, "Questrade");
    const opening = page.waitForEvent("popup");
    await portal.getByRole("button", { name: "Continue to Questrade" }).click();
    await signIn(await opening, "good", "Sign in and allow");
    await expect(result("Questrade is connected again")).toBeVisible();
  });

  test("counts as not finished when closed", async ({ page, context, make }) => {
    const owner = await make(broken("QUESTRADE"));
    await owner.enter(context);
    const { portal, result } = await openDialog(page, "Questrade");
    const opening = page.waitForEvent("popup");
    await portal.getByRole("button", { name: "Continue to Questrade" }).click();
    await (await opening).close();
    await expect(portal.getByRole("button", { name: "Try again" })).toBeVisible();
    await portal.getByRole("button", { name: "Close" }).click();
    await expect(result("The sign-in wasn’t finished")).toBeVisible();
  });

  test("is reported when the browser blocks it, and still works on its own page", async ({
    page,
    context,
    make,
  }) => {
    const owner = await make(broken("QUESTRADE"));
    await owner.enter(context);
    await context.addInitScript(() => {
      if (window.parent !== window) window.open = () => null;
    });
    const { portal, dialog } = await openDialog(page, "Questrade");
    await portal.getByRole("button", { name: "Continue to Questrade" }).click();
    await expect(portal.getByRole("button", { name: "Try again" })).toBeVisible();
    await dialog.getByRole("button", { name: "Open in a new page" }).click();
    await page
      .getByRole("link", { name: "Continue to Questrade" })
      .or(page.getByRole("button", { name: "Continue to Questrade" }))
      .click();
    await signIn(page, "good", "Sign in and allow");
    await expect(page.getByRole("heading", { name: "Questrade is connected again" })).toBeVisible();
  });
});

test("a double click opens one portal session", async ({ page, owner }) => {
  await page.goto("/connections");
  await row(page, "Vanguard US").getByRole("button", { name: "Reconnect Vanguard US" }).dblclick();
  const { portal, result } = dialogOf(page);
  await signIn(portal, "good");
  await expect(result("Vanguard US is connected again")).toBeVisible();
  await page.goto(`/connections/${owner.ids[0] ?? ""}`);
  await expect(page.getByText("You opened the sign-in page")).toHaveCount(1);
});

test("closing the dialog changes nothing, says so, and returns the focus", async ({ page, owner }) => {
  const { dialog, portal, close } = await openDialog(page, "Vanguard US");
  await expect(dialog.getByRole("heading", { name: "Vanguard US" })).toBeFocused();
  await expect(portal.getByLabel("User name")).toBeVisible();
  await close();
  await expect(dialog).toBeHidden();
  await expect(row(page, "Vanguard US")).toContainText("wasn’t finished");
  await expect(row(page, "Vanguard US")).toContainText("Needs reconnecting");
  await expect(row(page, "Vanguard US").getByRole("button", { name: "Reconnect Vanguard US" })).toBeFocused();
  expect(owner.ids).toHaveLength(1);
});

test("a sign-in page expires after five minutes, and one click opens a new one", async ({ page, owner }) => {
  const { portal, result, dialog, refusal } = await openDialog(page, "Vanguard US");
  await signIn(portal, "expired");
  await expect(refusal("That sign-in page has expired")).not.toContainText("try again");
  await dialog.getByRole("button", { name: "Open a new one" }).click();
  await signIn(portal, "good");
  await expect(result("Vanguard US is connected again")).toBeVisible();
  await page.goto(`/connections/${owner.ids[0] ?? ""}`);
  await expect(page.getByText("You opened the sign-in page")).toHaveCount(2);
});

test("closing an expired sign-in page says that it expired, with its code", async ({ page, owner }) => {
  const { portal, result, dialog, leavePortal } = await openDialog(page, "Vanguard US");
  await signIn(portal, "expired");
  await leavePortal();
  await expect(result("That sign-in page has expired")).toBeVisible();
  await expect(dialog.getByText("SnapTrade code 1006")).toBeVisible();
  await dialog.getByRole("button", { name: "Open a new one" }).click();
  await signIn(portal, "good");
  await expect(result("Vanguard US is connected again")).toBeVisible();
  expect(await owner.asked("/snapTrade/login")).toBeGreaterThan(1);
});

test("a link opened too late offers a new one", async ({ page, owner }) => {
  const late = async (route: Route) => {
    await owner.advance(301);
    await route.continue();
  };
  await page.route("**/snapTrade/redeemToken**", late, { times: 1 });
  const { dialog, portal, result } = await openDialog(page, "Vanguard US");
  await dialog.getByRole("button", { name: "Open a new one" }).click();
  await signIn(portal, "good");
  await expect(result("Vanguard US is connected again")).toBeVisible();
});
