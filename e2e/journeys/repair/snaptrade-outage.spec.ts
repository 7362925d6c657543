import { openDialog, signIn } from "../../support/portal";
import { broken, expect, row, test } from "../../support/test";

const faults = [
  { kind: "reset" },
  { kind: "status", status: 500, code: "1000" },
  { kind: "html502" },
  { kind: "malformed" },
];

for (const fault of faults) {
  test(`during a SnapTrade outage (${fault.kind}) connections show as last seen, and "Try now" recovers`, async ({
    page,
    context,
    make,
  }) => {
    const owner = await make(broken("VANGUARD"), { brokerage: "KRAKEN" });
    await owner.enter(context);
    await owner.fault({ endpoint: "list", ...fault });
    await page.goto("/connections");
    await page.getByRole("button", { name: "Check now" }).click();
    await expect(page.getByRole("heading", { level: 1 })).toHaveText(/^As of \d\d:\d\d, just now$/);
    await expect(row(page, "Vanguard US")).toContainText("Needed reconnecting");
    await expect(row(page, "Kraken")).toContainText(/Connected at \d\d:\d\d/);
    await expect(page.getByRole("button", { name: /^Reconnect/ })).toHaveCount(0);
    await expect(page.getByText("You can reconnect once SnapTrade responds again")).toBeVisible();
    await owner.clearFaults();
    await page.getByRole("button", { name: "Try now" }).click();
    await expect(row(page, "Vanguard US")).toContainText("Needs reconnecting");
    await expect(row(page, "Kraken")).toContainText("Connected");
  });
}

for (const fault of [{ kind: "html502" }, { kind: "reset" }]) {
  test(`a login that fails with ${fault.kind} is explained next to the button, and the next click works`, async ({
    page,
    owner,
  }) => {
    await owner.fault({ endpoint: "login", ...fault, times: 1 });
    await page.goto("/connections");
    const button = row(page, "Vanguard US").getByRole("button", { name: "Reconnect Vanguard US" });
    await button.click();
    await expect(
      row(page, "Vanguard US").getByText(
        /SnapTrade (isn't responding right now\. Try|is busy right now\. Nothing was changed\.)/,
      ),
    ).toBeVisible();
    await button.click();
    await expect(page.getByRole("dialog")).toBeVisible();
  });
}

test("a slow login says that it is opening, and a second click opens no second portal session", async ({
  page,
  owner,
}) => {
  await owner.fault({ endpoint: "login", kind: "delay", delayMs: 2500, times: 1 });
  await page.goto("/connections");
  const before = await owner.asked("/snapTrade/login");
  await row(page, "Vanguard US").getByRole("button", { name: "Reconnect Vanguard US" }).click();
  const opening = row(page, "Vanguard US").getByRole("button", { name: "Opening…" });
  await opening.click({ force: true });
  await expect(page.getByRole("dialog")).toBeVisible();
  expect((await owner.asked("/snapTrade/login")) - before).toBe(1);
});

test("a slow SnapTrade never holds up the page", async ({ page, owner }) => {
  await owner.fault({ endpoint: "list", kind: "delay", delayMs: 8_000 });
  const startedAt = Date.now();
  await page.goto("/connections", { waitUntil: "commit" });
  await expect(row(page, "Vanguard US")).toBeVisible();
  expect(Date.now() - startedAt).toBeLessThan(4_000);
});

test("no result is shown while SnapTrade can't be reached to check it", async ({ page, owner }) => {
  const { portal, result } = await openDialog(page, "Vanguard US");
  await expect(portal.getByLabel("User name")).toBeVisible();
  await owner.fault({ endpoint: "list", kind: "html502", times: 1 });
  await signIn(portal, "good");
  await expect(result("Checking with SnapTrade")).toBeVisible();
  await expect(result("Vanguard US is connected again")).toBeVisible({ timeout: 20_000 });
});

test("a brokerage in maintenance asks nothing of the person", async ({ page, context, make, control }) => {
  // Brokerage flags affect everyone, so no other test uses this one.
  const owner = await make({ brokerage: "PUBLIC" });
  await owner.enter(context);
  await control.post("/brokerages/PUBLIC", { maintenance_mode: true });
  await page.goto("/connections");
  await page.getByRole("button", { name: "Check now" }).click();
  await expect(row(page, "Public")).toContainText("Brokerage maintenance");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Nothing for you to do");
});
