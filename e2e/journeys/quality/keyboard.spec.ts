import { dialogOf } from "../../support/portal";
import { expect, row, test } from "../../support/test";

test("reconnecting works with the keyboard alone", async ({ page, owner }) => {
  await page.goto("/connections");
  const button = row(page, "Vanguard US").getByRole("button", { name: "Reconnect Vanguard US" });
  for (
    let presses = 0;
    presses < 30 && !(await button.evaluate((element) => element === document.activeElement));
    presses++
  )
    await page.keyboard.press("Tab");
  await expect(button).toBeFocused();
  await page.keyboard.press("Enter");
  const { dialog, portal, result } = dialogOf(page);
  await expect(dialog.getByRole("heading", { name: "Vanguard US" })).toBeFocused();
  const user = portal.getByLabel("User name");
  await expect(user).toBeVisible();
  for (
    let presses = 0;
    presses < 30 && !(await user.evaluate((element) => element === document.activeElement));
    presses++
  )
    await page.keyboard.press("Tab");
  await page.keyboard.type("good");
  await page.keyboard.press("Tab");
  await page.keyboard.type("anything");
  await page.keyboard.press("Enter");
  await expect(result("Vanguard US is connected again")).toBeFocused();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await expect(dialog).toBeHidden();
  await expect(row(page, "Vanguard US")).toContainText("Reconnected");
  expect(owner.ids).toHaveLength(1);
});

test("Escape closes the dialog", async ({ page, owner }) => {
  await page.goto("/connections");
  await row(page, "Vanguard US").getByRole("button", { name: "Reconnect Vanguard US" }).click();
  const { dialog } = dialogOf(page);
  await expect(dialog.getByRole("heading", { name: "Vanguard US" })).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  await expect(row(page, "Vanguard US")).toContainText("wasn’t finished");
  expect(owner.ids).toHaveLength(1);
});
