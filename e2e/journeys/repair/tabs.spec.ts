import type { BrowserContext, Page } from "@playwright/test";
import { dialogOf, openDialog, signIn } from "../../support/portal";
import { broken, expect, row, test } from "../../support/test";

const again = "Vanguard US is connected again";

async function secondTab(context: BrowserContext): Promise<Page> {
  const page = await context.newPage();
  await page.goto("/connections");
  return page;
}

/** Opens the dialog again, late enough that the two clicks don't count as one double click. */
async function openOnceMore(page: Page, openedAt: number) {
  await expect.poll(() => Date.now() - openedAt).toBeGreaterThan(3_000);
  return openDialog(page, "Vanguard US");
}

test("closing one of two tabs does not end the sign-in in the other", async ({ page, owner, context }) => {
  const other = await context.newPage();
  const first = await openDialog(page, "Vanguard US");
  await expect(first.portal.getByLabel("User name")).toBeVisible();
  const second = await openOnceMore(other, Date.now());
  await expect(second.portal.getByLabel("User name")).toBeVisible();
  await page.bringToFront();
  await first.close();
  await expect(first.dialog).toBeHidden();
  await other.bringToFront();
  await expect(second.portal.getByLabel("User name")).toBeVisible();
  await expect(second.result(/./)).toHaveText(["Vanguard US"]);
  await signIn(second.portal, "good");
  await expect(second.result(again)).toBeVisible();
  await page.bringToFront();
  await expect(row(page, "Vanguard US")).toContainText("Reconnected");
  await page.goto(`/connections/${owner.ids[0] ?? ""}`);
  await expect(page.getByText("You opened the sign-in page")).toHaveCount(2);
});

test("a sign-in page that stays open counts as open again after its session was ended elsewhere", async ({
  page,
  owner,
  context,
}) => {
  const { portal, result } = await openDialog(page, "Vanguard US");
  await expect(portal.getByLabel("User name")).toBeVisible();
  const returned = await context.newPage();
  // Ends the same session from its return address in another tab.
  const { sessions } = await owner.control.get<{ sessions: { sessionId: string; userId: string }[] }>(
    "/state",
  );
  const own = sessions.filter(({ userId }) => userId === owner.snapTradeUserId).at(-1);
  const { body } = await owner.control.get<{ body: { customRedirect: string } }>(
    `/sessions/${own?.sessionId ?? ""}`,
  );
  await returned.goto(`${body.customRedirect}?status=ABANDONED`);
  await page.bringToFront();
  await expect(portal.getByLabel("User name")).toBeVisible();
  const list = await context.newPage();
  await list.goto("/connections");
  await expect(row(list, "Vanguard US")).toContainText("Reconnecting");
  await page.bringToFront();
  await signIn(portal, "good");
  await expect(result(again)).toBeVisible();
});

test("a repair in one tab becomes the result in the other, which stays unchanged until then", async ({
  page,
  context,
  owner,
}) => {
  await owner.set({ webhooks: "send" });
  const other = await context.newPage();
  const first = await openDialog(page, "Vanguard US");
  await expect(first.portal.getByLabel("User name")).toBeVisible();
  const second = await openOnceMore(other, Date.now());
  await signIn(second.portal, "good");
  await expect(second.result(again)).toBeVisible();
  await page.bringToFront();
  await expect(first.result(again)).toBeVisible({ timeout: 15_000 });
});

test("a second open page shows when the portal is opened and when it is left", async ({
  page,
  context,
  owner,
}) => {
  const other = await secondTab(context);
  await expect(row(other, "Vanguard US")).toContainText("Needs reconnecting");
  const { close, dialog } = await openDialog(page, "Vanguard US");
  await expect(dialog).toBeVisible();
  await other.bringToFront();
  await expect(row(other, "Vanguard US")).toContainText("Reconnecting");
  await page.bringToFront();
  await close();
  await expect(dialog).toBeHidden();
  await other.bringToFront();
  await expect(row(other, "Vanguard US")).toContainText("wasn’t finished");
  expect(owner.ids).toHaveLength(1);
});

test("a sign-in page skipped for the next brokerage no longer shows as open in the list", async ({
  page,
  context,
  make,
}) => {
  const ago = (hours: number) => new Date(Date.now() - hours * 3_600_000).toISOString();
  const owner = await make(
    broken("VANGUARD", { disabledDate: ago(9) }),
    broken("DEGIRO", { disabledDate: ago(3) }),
  );
  await owner.enter(context);
  const other = await secondTab(context);
  await page.goto("/connections");
  await page.getByRole("button", { name: "Reconnect both" }).click();
  const { dialog } = dialogOf(page);
  await dialog.getByRole("button", { name: "Skip Vanguard US for now" }).click();
  await expect(dialog.getByText("Reconnecting 2 of 2")).toBeVisible();
  await other.bringToFront();
  await expect(row(other, "Vanguard US")).toContainText("Needs reconnecting");
  await expect(row(other, "Degiro")).toContainText("Reconnecting");
});

test("after signing out elsewhere, the open dialog says so at once and leads to sign in", async ({
  page,
  context,
  owner,
}) => {
  const { portal, result, dialog } = await openDialog(page, "Vanguard US");
  await expect(portal.getByLabel("User name")).toBeVisible();
  const other = await secondTab(context);
  await other.getByRole("button", { name: "Account" }).click();
  await other.getByRole("button", { name: "Sign out" }).click();
  await expect(other.getByRole("heading", { name: "Sign in to see your connections" })).toBeVisible();
  await page.bringToFront();
  await expect(result("You were signed out")).toBeVisible();
  await expect(result("Checking with SnapTrade")).toHaveCount(0);
  await dialog.getByRole("link", { name: "Sign in again" }).click();
  await expect(page.getByLabel("E-mail")).toBeVisible();
  expect(owner.ids).toHaveLength(1);
});

test("clicking Reconnect on a deleted connection removes its row at once", async ({
  page,
  context,
  make,
}) => {
  const owner = await make();
  // Connections younger than five minutes are never concluded gone.
  await owner.advance(-420);
  await owner.connect(broken("VANGUARD"));
  await owner.advance(420);
  await owner.enter(context);
  await page.goto("/connections");
  await expect(row(page, "Vanguard US")).toContainText("Needs reconnecting");
  await owner.remove(0);
  await row(page, "Vanguard US").getByRole("button", { name: "Reconnect Vanguard US" }).click();
  await expect(row(page, "Vanguard US")).toContainText("Removed");
  await expect(page.getByRole("button", { name: /^Reconnect/ })).toHaveCount(0);
});
