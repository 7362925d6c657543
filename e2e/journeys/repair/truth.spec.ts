import { randomUUID } from "node:crypto";
import { makePerson } from "../../support/people";
import { openDialog, signIn } from "../../support/portal";
import { broken, cookiesOf, expect, row, servers, test, type Owner } from "../../support/test";

const checkNow = /^(Check|Try) now/;

const faultsOf = ({ control, snapTradeUserId }: Owner) =>
  control.get<{ faults: unknown[] }>(`/users/${snapTradeUserId}`).then(({ faults }) => faults);

test("an answer overtaken by a break never shows the connection as working", async ({
  page,
  context,
  make,
}) => {
  const owner = await make({ brokerage: "VANGUARD" });
  await owner.set({ webhooks: "send" });
  await owner.enter(context);
  await page.goto("/connections");
  await owner.fault({ endpoint: "list", kind: "overtaken", delayMs: 8_000, times: 1 });
  await page.getByRole("button", { name: checkNow }).click();
  await expect.poll(() => faultsOf(owner)).toEqual([]);
  await owner.break(0);
  const other = await context.newPage();
  await expect
    .poll(async () => {
      await other.goto("/connections");
      return row(other, "Vanguard US").innerText();
    })
    .toContain("Needs reconnecting");
  // The webhook is applied before the answer arrives. The page must be right at once after that, because a
  // later read would hide a mistake.
  const checking = page.getByRole("button", { name: "Checking…" });
  expect(await checking.count()).toBe(1);
  await expect(checking).toHaveCount(0);
  expect(await row(page, "Vanguard US").innerText()).toContain("Needs reconnecting");
  await page.goto(`/connections/${owner.ids[0] ?? ""}`);
  expect(await page.getByRole("region", { name: "Status" }).innerText()).toContain("Needs reconnecting");
  await expect(page.getByText("SnapTrade confirmed")).toHaveCount(0);
});

test("a repair that SnapTrade announces is shown as being checked until its own reads agree", async ({
  page,
  context,
  make,
}) => {
  const owner = await make(broken("VANGUARD"));
  await owner.advance(30);
  await owner.set({ webhooks: "send", readLagSeconds: 20, repairDelaySeconds: 600 });
  await owner.enter(context);
  const { portal, result } = await openDialog(page, "Vanguard US");
  const asked = () => owner.asked("/authorizations");
  await signIn(portal, "good");
  await expect(result("Checking with SnapTrade")).toBeVisible();
  // No read is due right after another, so only the event speaks for the repair.
  const before = await asked();
  await expect.poll(asked, { intervals: [50], timeout: 15_000 }).toBeGreaterThan(before);
  await owner.fix(0);
  const read = await asked();
  const shown = new Set<string>();
  // Waits for three more reads, all lagging; a wrong result would stop them.
  while (shown.size < 2 && (await asked()) < read + 3)
    for (const title of await result(/Checking|connected|failed|wasn’t/).allInnerTexts()) shown.add(title);
  expect(await owner.delivered("CONNECTION_FIXED")).toBe(true);
  expect([...shown]).toEqual(["Checking with SnapTrade"]);
  await owner.advance(21);
  await expect(result("Vanguard US is connected again")).toBeVisible({ timeout: 20_000 });
});

test("SnapTrade's webhook explains a sign-in with another login even when its clock is three minutes behind ours", async ({
  page,
  owner,
}) => {
  // The portal's older message format has no code, so only the webhook knows the reason.
  await owner.set({ webhooks: "send", clockSkewSeconds: -180, messages: "string" });
  const { portal, result, leavePortal } = await openDialog(page, "Vanguard US");
  await signIn(portal, "other-login");
  await expect.poll(() => owner.delivered("CONNECTION_ATTEMPTED")).toBe(true);
  await leavePortal();
  await expect(result("That was a different Vanguard US login")).toBeVisible();
  await page.goto("/connections");
  await expect(row(page, "Vanguard US")).toContainText("Needs reconnecting");
});

test("an account that didn't come back is named, with what to do about it", async ({
  page,
  context,
  make,
}) => {
  const accounts = [
    { name: "Margin", number: "70014410" },
    { name: "RRSP", number: "70019087" },
    { name: "TFSA", number: "70014821" },
  ];
  const owner = await make(broken("VANGUARD", { accounts }));
  await owner.enter(context);
  await owner.closeAccount(0, "TFSA");
  const { portal, result, dialog } = await openDialog(page, "Vanguard US");
  await signIn(portal, "good");
  await expect(result("Vanguard US is connected again")).toBeVisible();
  await expect(dialog.getByText("2 of 3 back")).toBeVisible();
  await expect(dialog.getByText("TFSA •• 4821 is missing.")).toBeVisible();
  await expect(dialog.getByText("allow access to every account at Vanguard US")).toBeVisible();
});

test("accounts that couldn't be read are never reported as back", async ({ page, owner }) => {
  await owner.fault({ endpoint: "accounts", kind: "status", status: 500 });
  const { portal, result, dialog } = await openDialog(page, "Vanguard US");
  await signIn(portal, "good");
  await expect(result("Vanguard US is connected again")).toBeVisible();
  await expect(dialog.getByText("SnapTrade confirmed")).toBeVisible();
  await expect(dialog.getByText(/of 1 back|the same/)).toHaveCount(0);
  await owner.clearFaults();
  await expect(dialog.getByText("1 of 1 back")).toBeVisible({ timeout: 20_000 });
});

test("unreadable items don't hide the others", async ({ page, context, make }) => {
  const owner = await make();
  await owner.set({
    oddItems: [
      "not-an-object",
      "unknown-type",
      "empty-created-date",
      "null-slug",
      "id-without-version",
      "missing-disabled",
    ],
  });
  await owner.connect(broken("VANGUARD"));
  await owner.enter(context);
  await page.goto("/connections");
  await expect(row(page, "Vanguard US")).toContainText("Needs reconnecting");
  const { portal, result } = await openDialog(page, "Vanguard US");
  await signIn(portal, "good");
  await expect(result("Vanguard US is connected again")).toBeVisible();
});

test("unreadable connections are shown as unknown, not as none", async ({ page, context, make }) => {
  const owner = await make();
  await owner.enter(context);
  await owner.set({ oddItems: ["not-an-object"] });
  await page.goto("/connections");
  await page.goto(`${owner.returnPath}?status=ABANDONED`);
  await page.goto("/connections");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Your connections can’t be shown yet");
  await expect(page.getByText("Connect your first brokerage")).toHaveCount(0);
  await owner.set({ oddItems: [] });
  await page.getByRole("button", { name: "Check now" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Connect your first brokerage");
});

test("while the very first look fails, the page never says that there are no connections", async ({
  page,
  context,
}) => {
  const person = await makePerson(servers(), `${randomUUID()}@example.com`);
  const path = `/users/${person.snapTradeUserId}`;
  await person.control.post(`${path}/connections`, broken("VANGUARD"));
  await person.control.post(`${path}/faults`, { endpoint: "list", kind: "html502" });
  await context.addCookies(cookiesOf(person));
  await page.goto("/connections");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("SnapTrade isn’t responding yet");
  await expect(page.getByText("Connect your first brokerage")).toHaveCount(0);
  await person.control.remove(`${path}/faults`);
  await page.getByRole("button", { name: "Try now" }).click();
  await expect(row(page, "Vanguard US")).toContainText("Needs reconnecting");
});

test("a dripping answer is abandoned in time, and nothing is shown as newer than it is", async ({
  page,
  context,
  make,
}) => {
  const owner = await make({ brokerage: "VANGUARD" });
  await owner.enter(context);
  await page.goto("/connections");
  await owner.fault({ endpoint: "list", kind: "drip", times: 1 });
  await page.getByRole("button", { name: checkNow }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(/^As of \d\d:\d\d/, { timeout: 25_000 });
  await page.getByRole("button", { name: "Try now" }).click();
  await expect(row(page, "Vanguard US").getByText("Connected", { exact: true })).toBeVisible();
});
