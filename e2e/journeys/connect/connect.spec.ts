import { dialogOf, openDialog, signIn } from "../../support/portal";
import { broken, expect, row, test } from "../../support/test";

test("another brokerage can be found by typing and connected in the dialog", async ({
  page,
  context,
  make,
}) => {
  const owner = await make({ brokerage: "KRAKEN" });
  await owner.enter(context);
  await page.goto("/connections");
  await page.getByRole("link", { name: "Connect a brokerage" }).click();
  await page.getByLabel("Search brokerages").fill("degi");
  await expect(page.getByRole("button", { name: /^Connect / })).toHaveCount(1);
  await page.getByRole("button", { name: "Connect Degiro" }).click();
  const { portal, result, dialog } = dialogOf(page);
  await signIn(portal, "good", "Connect");
  await expect(result("Degiro is connected")).toBeVisible();
  await dialog.getByRole("button", { name: "Done" }).click();
  await expect(page).toHaveURL("/connections");
  await expect(row(page, "Degiro")).toContainText("Connected");
});

test("on a phone the list shows which brokerages are connected, next to the button for another login", async ({
  page,
  context,
  make,
}) => {
  const owner = await make({ brokerage: "KRAKEN" });
  await owner.enter(context);
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto("/connections/new");
  const kraken = page.getByRole("listitem").filter({ hasText: "Kraken" });
  await expect(kraken.getByText("Connected", { exact: true })).toBeVisible();
  await expect(kraken.getByRole("button", { name: "Connect Kraken" })).toBeVisible();
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
});

test("a person with a stopped connection at the brokerage is offered its repair first", async ({
  page,
  owner,
}) => {
  await page.goto("/connections/new");
  await page.getByRole("link", { name: /Needs reconnecting: Vanguard US/ }).click();
  await expect(
    page.getByRole("heading", { name: "You already have a Vanguard US connection" }),
  ).toBeVisible();
  await page.getByRole("button", { name: "Reconnect Vanguard US instead" }).click();
  const { portal, result } = dialogOf(page);
  await signIn(portal, "good");
  await expect(result("Vanguard US is connected again")).toBeVisible();
  expect(owner.ids).toHaveLength(1);
});

test("a second connection next to a stopped one is pointed out, with both ways to clean up", async ({
  page,
  owner,
}) => {
  await page.goto("/connections/new?brokerage=VANGUARD");
  await page.getByRole("button", { name: "It’s a different login" }).click();
  const { portal, result, dialog } = dialogOf(page);
  await signIn(portal, "good", "Connect");
  await expect(result("Vanguard US is connected")).toBeVisible();
  await dialog.getByRole("button", { name: "Done" }).click();
  await expect(page).toHaveURL("/connections");
  const note = page.getByRole("region", { name: "A second Vanguard US connection was made" });
  await expect(note.getByRole("button", { name: "Reconnect the old Vanguard US connection" })).toBeVisible();
  await expect(note.getByRole("link", { name: "Remove the old one" })).toBeVisible();
  await note.getByRole("button", { name: "Keep both" }).click();
  await expect(note).toHaveCount(0);
  await expect(page.getByRole("listitem", { name: /Vanguard/ })).toHaveCount(2);
  expect(owner.ids).toHaveLength(1);
});

test("a repair that created a second connection says so in the dialog, where both can be kept", async ({
  page,
  owner,
}) => {
  const { portal, result, dialog } = await openDialog(page, "Vanguard US");
  await expect(portal.getByLabel("User name")).toBeVisible();
  await owner.control.post(`/users/${owner.snapTradeUserId}/connections`, { brokerage: "VANGUARD" });
  await signIn(portal, "liar");
  await expect(result("A second Vanguard US connection was made")).toBeVisible();
  await dialog.getByRole("button", { name: "Keep both" }).click();
  await expect(dialog).toBeHidden();
  await expect(page.getByRole("listitem", { name: /Vanguard/ })).toHaveCount(2);
  await expect(page.getByRole("region", { name: "A second Vanguard US connection was made" })).toHaveCount(0);
});

test("a stopped connection at a troubled brokerage asks nothing of the person", async ({
  page,
  context,
  make,
  control,
}) => {
  // Brokerage flags affect everyone, so no other test uses these two.
  const owner = await make(broken("ZERODHA"), broken("BINANCE"));
  await owner.enter(context);
  await control.post("/brokerages/ZERODHA", { enabled: false });
  await control.post("/brokerages/BINANCE", { maintenance_mode: true });
  await page.goto("/connections");
  await page.getByRole("button", { name: "Check now" }).click();
  await expect(row(page, "Zerodha")).toContainText("No longer supported");
  await expect(row(page, "Binance")).toContainText("You can reconnect when it’s over.");
  await expect(page.getByRole("button", { name: /^Reconnect/ })).toHaveCount(0);
});
