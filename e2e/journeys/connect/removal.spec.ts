import type { Page } from "@playwright/test";
import { expect, row, test, type Owner } from "../../support/test";

const unknown = "don’t know whether it got the request";

async function askToRemove(page: Page, owner: Owner) {
  await page.goto(`/connections/${owner.ids[0] ?? ""}/remove`);
  await page.getByRole("button", { name: "Remove Vanguard US" }).click();
}

test("removing says what will be lost, waits for SnapTrade, and is then confirmed", async ({
  page,
  owner,
}) => {
  await page.goto(`/connections/${owner.ids[0] ?? ""}/remove`);
  await expect(
    page.getByText("If it just stopped working, you can reconnect it and keep everything."),
  ).toBeVisible();
  await expect(page.getByText(/loses access to its 1.account\. This can’t be undone\./)).toBeVisible();
  await page.getByRole("button", { name: "Remove Vanguard US" }).click();
  await expect(row(page, "Vanguard US")).toContainText("Being removed");
  await owner.advance(60);
  await page.getByRole("button", { name: "Check now" }).click();
  await expect(row(page, "Vanguard US")).toContainText("Removed");
});

test("a removal that SnapTrade refuses changes nothing and says so", async ({ page, owner }) => {
  await owner.fault({ endpoint: "delete", kind: "status", status: 403, times: 1 });
  await page.goto(`/connections/${owner.ids[0] ?? ""}/remove`);
  await page.getByRole("button", { name: "Remove Vanguard US" }).click();
  await expect(page.getByText("SnapTrade didn't accept the request.")).toBeVisible();
  await expect(row(page, "Vanguard US")).toContainText("Needs reconnecting");
});

test("a removal whose answer is lost is shown as unknown and can be undone", async ({ page, owner }) => {
  await owner.fault({ endpoint: "delete", kind: "status", status: 500, times: 1 });
  await page.goto(`/connections/${owner.ids[0] ?? ""}/remove`);
  await page.getByRole("button", { name: "Remove Vanguard US" }).click();
  await expect(row(page, "Vanguard US")).toContainText("don’t know whether it got the request");
  await page.goto(`/connections/${owner.ids[0] ?? ""}`);
  await page.getByRole("button", { name: "Keep Vanguard US" }).click();
  await expect(page.getByRole("region", { name: "Status" })).toContainText("Needs reconnecting");
});

test("a removal that SnapTrade received, though its answer was lost, is never called unchanged and finishes on its own", async ({
  page,
  make,
  context,
}) => {
  const owner = await make({ brokerage: "VANGUARD" });
  await owner.set({ removal: "lost-answer", deleteDelaySeconds: 60 });
  await owner.enter(context);
  await askToRemove(page, owner);
  await expect(row(page, "Vanguard US")).toContainText(unknown);
  await expect(page.getByText("Nothing was changed")).toHaveCount(0);
  await owner.advance(61);
  await page.getByRole("button", { name: "Check now" }).click();
  await expect(row(page, "Vanguard US")).toContainText("Removed");
});

test("a removal that SnapTrade lost can be undone while SnapTrade still has the connection", async ({
  page,
  owner,
}) => {
  await owner.set({ removal: "lost-job" });
  await askToRemove(page, owner);
  await expect(row(page, "Vanguard US")).toContainText("Being removed");
  await page.goto(`/connections/${owner.ids[0] ?? ""}`);
  await page.getByRole("button", { name: "Keep Vanguard US" }).click();
  await expect(page.getByRole("region", { name: "Status" })).toContainText("Needs reconnecting");
  await page.getByRole("button", { name: "Reconnect Vanguard US" }).click();
  await expect(page.getByRole("dialog")).toBeVisible();
});
