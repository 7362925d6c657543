import { openDialog, signIn } from "../../support/portal";
import { broken, expect, row, test } from "../../support/test";

const endings = [
  {
    login: "wrong-password",
    title: "Vanguard US didn’t accept the sign-in",
    code: "1066",
    next: "Try again",
  },
  {
    login: "other-login",
    title: "That was a different Vanguard US login",
    code: "1023",
    next: "Try the original login",
  },
  {
    login: "unreachable",
    title: "Vanguard US can’t be reached right now",
    code: "3000",
    next: "Try again now",
  },
  {
    login: "no-permission",
    title: "The key isn’t allowed to read accounts",
    code: "1140",
    next: "Try again",
  },
  { login: "expired", title: "That sign-in page has expired", code: "1006", next: "Open a new one" },
  { login: "unknown-code", title: "Vanguard US wasn’t reconnected", code: "9999", next: "Try again" },
];

for (const { login, title, code, next } of endings) {
  test(`${code} is explained with one next step, and the connection still needs reconnecting`, async ({
    page,
    owner,
  }) => {
    const { portal, result, dialog, refusal, leavePortal } = await openDialog(page, "Vanguard US");
    await signIn(portal, login);
    await expect(refusal(title)).toContainText(
      login === "expired" ? next : "You can try again on SnapTrade’s page.",
    );
    await expect(result(title)).toHaveCount(0);
    await leavePortal();
    await expect(result(title)).toBeVisible();
    await expect(dialog.getByText(`SnapTrade code ${code}`)).toBeVisible();
    await dialog.getByRole("button", { name: next, exact: true }).click();
    await signIn(portal, "good");
    await expect(result("Vanguard US is connected again")).toBeVisible();
    expect(owner.ids).toHaveLength(1);
  });

  test(`${code} reads the same after a sign-in on its own page`, async ({ page, owner }) => {
    await page.setViewportSize({ width: 390, height: 800 });
    await page.goto(`/connections/${owner.ids[0] ?? ""}`);
    await page.getByRole("button", { name: "Reconnect Vanguard US" }).click();
    await signIn(page, login);
    await expect(page.getByRole("heading", { name: title })).toBeVisible();
    await expect(page.getByText(`SnapTrade code ${code}`)).toBeVisible();
    await expect(page.getByRole("button", { name: next, exact: true })).toBeVisible();
    await page.goto("/connections");
    await expect(row(page, "Vanguard US")).toContainText("Needs reconnecting");
  });
}

test("a wrong security code is explained", async ({ page, context, make }) => {
  const owner = await make(broken("ROBINHOOD"));
  await owner.enter(context);
  const { portal, result, dialog, refusal, leavePortal } = await openDialog(page, "Robinhood");
  await signIn(portal, "good");
  await portal.getByLabel("Code").fill("000000");
  await portal.getByRole("button", { name: "Continue", exact: true }).click();
  await expect(refusal("The security code wasn’t accepted")).toBeVisible();
  await leavePortal();
  await expect(result("The security code wasn’t accepted")).toBeVisible();
  await expect(dialog.getByText("SnapTrade code 1086")).toBeVisible();
});

test("a different login shows which accounts belong here, with both ways to continue", async ({
  page,
  owner,
}) => {
  const { portal, dialog, leavePortal } = await openDialog(page, "Vanguard US");
  await signIn(portal, "other-login");
  await leavePortal();
  await expect(dialog.getByRole("button", { name: "Try the original login" })).toBeVisible();
  await expect(dialog.getByRole("list").getByText("4417").first()).toBeVisible();
  await dialog.getByRole("link", { name: "Use the other login" }).click();
  await expect(
    page.getByRole("heading", { name: "You already have a Vanguard US connection" }),
  ).toBeVisible();
  expect(owner.ids).toHaveLength(1);
});

test("leaving the portal counts as a sign-in that wasn't finished", async ({ page, owner }) => {
  const { portal, result, dialog } = await openDialog(page, "Vanguard US");
  await portal.getByRole("button", { name: "Close" }).click();
  await expect(result("The sign-in wasn’t finished")).toBeVisible();
  await dialog.getByRole("button", { name: "Later" }).click();
  await expect(row(page, "Vanguard US")).toContainText("Needs reconnecting");
  expect(owner.ids).toHaveLength(1);
});

test("a look shows the result when the portal hangs after the connection works", async ({ page, owner }) => {
  const { portal, result } = await openDialog(page, "Vanguard US");
  await signIn(portal, "hang");
  await owner.fix(0);
  await expect(result("Vanguard US is connected again")).toBeVisible({ timeout: 20_000 });
});
