import { openDialog, signIn } from "../../support/portal";
import { expect, row, test } from "../../support/test";

test("SUCCESS with a connection that stays disabled is checked, then unconfirmed, and never shown as fixed", async ({
  page,
  owner,
}) => {
  await page.setViewportSize({ width: 390, height: 800 });
  await page.goto(`/connections/${owner.ids[0] ?? ""}`);
  await page.getByRole("button", { name: "Reconnect Vanguard US" }).click();
  await signIn(page, "liar");
  await expect(page.getByRole("heading", { name: "Checking with SnapTrade" })).toBeVisible();
  await page.getByRole("link", { name: "Close" }).click();
  await page.goto("/connections");
  await expect(row(page, "Vanguard US")).toContainText("Checking");
  await expect(row(page, "Vanguard US")).not.toContainText(/Connected|Reconnected/);
});

test("a repair that SnapTrade confirms late is shown once confirmed", async ({ page, owner }) => {
  await owner.set({ repairDelaySeconds: 5 });
  const { portal, result } = await openDialog(page, "Vanguard US");
  await signIn(portal, "good");
  await expect(result("Checking with SnapTrade")).toBeVisible();
  await expect(result("Vanguard US is connected again")).toBeVisible({ timeout: 20_000 });
});

for (const settings of [
  { messages: "string" },
  { messages: "both" },
  { statusCodeAs: "number" },
  { omitAuthorizationId: true },
]) {
  test(`messages in the form ${JSON.stringify(settings)} lead to the same result`, async ({
    page,
    owner,
  }) => {
    await owner.set(settings);
    const { portal, result, dialog, refusal, leavePortal } = await openDialog(page, "Vanguard US");
    await signIn(portal, "wrong-password");
    const title =
      settings.messages === "string"
        ? "Vanguard US wasn’t reconnected"
        : "Vanguard US didn’t accept the sign-in";
    await expect(refusal(title)).toBeVisible();
    await leavePortal();
    await expect(result(title)).toBeVisible();
    await dialog.getByRole("button", { name: "Try again" }).click();
    await signIn(portal, "good");
    await expect(result("Vanguard US is connected again")).toBeVisible();
  });
}
