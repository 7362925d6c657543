import type { Page } from "@playwright/test";
import { dialogOf, signIn } from "../../support/portal";
import { expect, test } from "../../support/test";

/** Asks to allow trading on a working, read-only connection. */
async function askToTrade(page: Page, id: string | undefined) {
  await page.goto(`/connections/${id ?? ""}`);
  await expect(page.getByText("Read only", { exact: false }).first()).toBeVisible();
  await page.getByText("Allow trading", { exact: true }).first().click();
  await page.getByRole("button", { name: "Allow trading at Wealthsimple" }).click();
}

const enterCode = async (portal: Page | ReturnType<typeof dialogOf>["portal"]) => {
  await portal.getByLabel("Code").fill("123456");
  await portal.getByRole("button", { name: "Continue", exact: true }).click();
};

test.describe("trading", () => {
  const reading = { brokerage: "WEALTHSIMPLETRADE", type: "read" as const };

  test("is allowed on an explicit request, through the same connection", async ({ page, context, make }) => {
    const owner = await make(reading);
    await owner.enter(context);
    await askToTrade(page, owner.ids[0]);
    const { dialog, portal, result, close } = dialogOf(page);
    await signIn(portal, "good");
    await enterCode(portal);
    await expect(result("You’re signed in to Wealthsimple again")).toBeVisible();
    await expect(dialog.getByText("Read and trade")).toBeVisible();
    await close();
    await expect(page.getByText("Read and trade").first()).toBeVisible();
  });

  test("is still what a sign-in on its own page asks for", async ({ page, context, make }) => {
    const owner = await make(reading);
    await owner.enter(context);
    await askToTrade(page, owner.ids[0]);
    await dialogOf(page).dialog.getByRole("button", { name: "Open in a new page" }).first().click();
    await signIn(page, "good");
    await enterCode(page);
    await expect(page.getByRole("heading", { name: "You’re signed in to Wealthsimple again" })).toBeVisible();
    await page.getByRole("link", { name: "Done" }).click();
    await expect(page.getByText("Read and trade").first()).toBeVisible();
  });

  test("is not allowed by an abandoned portal session, and nothing is called broken", async ({
    page,
    context,
    make,
  }) => {
    const owner = await make(reading);
    await owner.enter(context);
    await askToTrade(page, owner.ids[0]);
    const { dialog, portal, result } = dialogOf(page);
    await portal.getByRole("button", { name: "Close" }).click();
    await expect(result("The sign-in wasn’t finished")).toBeVisible();
    await expect(dialog.getByText("Nothing was changed.")).toBeVisible();
    await expect(dialog.getByText("needs reconnecting")).toHaveCount(0);
  });
});
