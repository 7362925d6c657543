import { dialogOf, signIn } from "../../support/portal";
import { broken, expect, row, test } from "../../support/test";

const ago = (hours: number) => new Date(Date.now() - hours * 3_600_000).toISOString();
const both = [broken("VANGUARD", { disabledDate: ago(9) }), broken("DEGIRO", { disabledDate: ago(3) })];

test("Reconnect both steps through them, one sign-in after another", async ({ page, context, make }) => {
  const owner = await make(...both);
  await owner.enter(context);
  await page.goto("/connections");
  await page.getByRole("button", { name: "Reconnect both" }).click();
  const { portal, result, dialog } = dialogOf(page);
  await expect(dialog.getByText("Reconnecting 1 of 2")).toBeVisible();
  await signIn(portal, "good");
  await expect(result("Vanguard US is connected again")).toBeVisible();
  await dialog.getByRole("button", { name: "Next: Degiro" }).click();
  await expect(dialog.getByText("Reconnecting 2 of 2")).toBeVisible();
  await signIn(portal, "good");
  await expect(result("Degiro is connected again")).toBeVisible();
  await dialog.getByRole("button", { name: "Done" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("All 2 connections are working");
});

test("one can be left for later, and the queue resumes after a reload", async ({ page, context, make }) => {
  const owner = await make(...both, broken("ALPACA", { disabledDate: ago(1) }));
  await owner.enter(context);
  await page.goto("/connections");
  await page.getByRole("button", { name: "Reconnect all 3" }).click();
  const { dialog } = dialogOf(page);
  await dialog.getByRole("button", { name: "Skip Vanguard US for now" }).click();
  await expect(dialog.getByText("Reconnecting 2 of 3")).toBeVisible();
  await page.reload();
  await page.getByRole("button", { name: "Reconnect all 3" }).click();
  await expect(dialog.getByText("Reconnecting 2 of 3")).toBeVisible();
  await expect(dialog.getByRole("heading", { name: "Degiro" })).toBeVisible();
  await expect(row(page, "Vanguard US")).toHaveCount(1);
});

test("the queue also works with one page after another", async ({ page, context, make }) => {
  const owner = await make(...both);
  await owner.enter(context);
  await page.setViewportSize({ width: 390, height: 800 });
  await page.goto("/connections");
  await page.getByRole("button", { name: "Reconnect both" }).click();
  await signIn(page, "good");
  await expect(page.getByText("Reconnected 1 of 2")).toBeVisible();
  await page.getByRole("button", { name: "Next: Degiro" }).click();
  await signIn(page, "good");
  await expect(page.getByRole("heading", { name: "Degiro is connected again" })).toBeVisible();
});
