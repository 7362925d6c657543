import type { Page } from "@playwright/test";
import { openDialog, openPage, resultIn, signIn } from "../../support/portal";
import { expect, test } from "../../support/test";

const again = "Vanguard US is connected again";

/**
 * Lets a minute pass in the browser. For the server no time passes, and it asks SnapTrade at most every two
 * and a half seconds.
 */
async function aMinuteLater(page: Page) {
  const since = Date.now();
  await expect.poll(() => Date.now() - since).toBeGreaterThan(2_500);
  await page.clock.fastForward(61_000);
}

test("a return without a status is checked, and finds a repair that no webhook reported", async ({
  page,
  owner,
}) => {
  await owner.set({ cancelWithoutStatus: true });
  await openPage(page, owner, "Vanguard US");
  await page.getByRole("link", { name: "Close" }).click();
  await expect(resultIn(page, "Checking with SnapTrade")).toBeVisible();
  await owner.fix(0);
  await expect(resultIn(page, again)).toBeVisible({ timeout: 20_000 });
});

test("a return without a status or a repair is unknown after a minute, not a failure, and still notices a later repair", async ({
  page,
  owner,
}) => {
  test.setTimeout(150_000);
  await owner.set({ cancelWithoutStatus: true });
  await page.clock.install();
  await openPage(page, owner, "Vanguard US");
  await page.getByRole("link", { name: "Close" }).click();
  await expect(resultIn(page, "Checking with SnapTrade")).toBeVisible();
  // The server's clock decides when the minute is over.
  await expect(resultIn(page, "We don’t know how the sign-in ended")).toBeVisible({ timeout: 90_000 });
  await expect(page.getByText("it still shows Vanguard US as stopped")).toBeVisible();
  await owner.fix(0);
  await aMinuteLater(page);
  await expect(resultIn(page, again)).toBeVisible();
});

test("a failure on a page gives way at once to a repair reported by a webhook", async ({ page, owner }) => {
  await openPage(page, owner, "Vanguard US");
  await signIn(page, "wrong-password");
  await expect(resultIn(page, "Vanguard US didn’t accept the sign-in")).toBeVisible();
  await owner.set({ webhooks: "send" });
  await owner.fix(0);
  await expect(resultIn(page, again)).toBeVisible();
});

test("a failure on a page gives way within a minute to a repair in another tab", async ({
  page,
  owner,
  context,
}) => {
  await page.clock.install();
  await openPage(page, owner, "Vanguard US");
  await signIn(page, "wrong-password");
  await expect(resultIn(page, "Vanguard US didn’t accept the sign-in")).toBeVisible();
  const other = await context.newPage();
  await other.setViewportSize({ width: 1280, height: 800 });
  const { portal, result } = await openDialog(other, "Vanguard US");
  await signIn(portal, "good");
  await expect(result(again)).toBeVisible();
  await page.bringToFront();
  await aMinuteLater(page);
  await expect(resultIn(page, again)).toBeVisible();
});

test("a failure in the dialog gives way within a minute to a repair elsewhere", async ({ page, owner }) => {
  await page.clock.install();
  const { portal, result, leavePortal } = await openDialog(page, "Vanguard US");
  await signIn(portal, "wrong-password");
  await leavePortal();
  await expect(result("Vanguard US didn’t accept the sign-in")).toBeVisible();
  await owner.fix(0);
  await aMinuteLater(page);
  await expect(result(again)).toBeVisible();
});

test("two refusals before a success keep the portal open", async ({ page, owner }) => {
  const { portal, result, refusal, dialog } = await openDialog(page, "Vanguard US");
  for (let attempt = 1; attempt <= 2; attempt++) {
    await signIn(portal, "third-time");
    await expect(refusal("Vanguard US didn’t accept the sign-in")).toContainText(
      "You can try again on SnapTrade’s page.",
    );
    await expect(portal.getByRole("heading", { name: "That did not work" })).toBeVisible();
    await portal.getByRole("link", { name: "Try again" }).click();
  }
  await signIn(portal, "third-time");
  await expect(result(again)).toBeVisible();
  await expect(dialog.locator("iframe")).toHaveCount(0);
  await page.goto(`/connections/${owner.ids[0] ?? ""}`);
  await expect(page.getByText("You opened the sign-in page")).toHaveCount(1);
});

test("a repair noticed while the portal still shows its form replaces the portal", async ({
  page,
  owner,
}) => {
  await owner.set({ webhooks: "send" });
  const { portal, result } = await openDialog(page, "Vanguard US");
  await expect(portal.getByLabel("User name")).toBeVisible();
  await owner.fix(0);
  await expect(result(again)).toBeVisible();
});
