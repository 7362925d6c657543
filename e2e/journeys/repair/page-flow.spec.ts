import { openPage, resultIn, returnPathOf, signIn } from "../../support/portal";
import { broken, expect, portalOrigin, row, servers, test } from "../../support/test";

test("on a phone the portal is its own page, and the return ends with the result", async ({
  page,
  owner,
}) => {
  await openPage(page, owner, "Vanguard US");
  await page.getByLabel("User name").waitFor();
  expect(new URL(page.url()).origin).toBe(portalOrigin());
  await signIn(page, "good");
  await expect(page.getByRole("heading", { name: "Vanguard US is connected again" })).toBeVisible();
  expect(new URL(page.url()).pathname).toBe(`/connections/${owner.ids[0] ?? ""}`);
  await page.getByRole("link", { name: "Done" }).click();
  await expect(page.getByText("Reconnected").first()).toBeVisible();
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("everything from requesting a sign-in link to the result works", async ({ page, make, control }) => {
    const owner = await make(broken("VANGUARD"));
    await page.goto("/");
    await page.getByLabel("E-mail").fill(owner.email);
    await page.getByRole("button", { name: "E-mail me a sign-in link" }).click();
    await expect(page.getByRole("heading", { name: "Check your e-mail" })).toBeVisible();
    const earlier = await control.get<{ id: string }[]>(`/mail?to=${encodeURIComponent(owner.email)}`);
    const mail =
      earlier.length > 1
        ? await control
            .get<{ links: string[] }[]>(`/mail?to=${encodeURIComponent(owner.email)}`)
            .then(([newest]) => newest)
        : await control.waitForMail(owner.email, earlier[0]?.id);
    await page.goto(mail?.links.find((link) => link.includes("/sign-in?")) ?? "");
    await page.getByRole("button", { name: `Sign in as ${owner.email}` }).click();
    await expect(row(page, "Vanguard US")).toContainText("Needs reconnecting");
    await row(page, "Vanguard US").getByRole("button", { name: "Reconnect Vanguard US" }).click();
    await signIn(page, "good");
    await expect(page.getByRole("heading", { name: "Vanguard US is connected again" })).toBeVisible();
    await page.getByRole("link", { name: "Done" }).click();
    await page.getByRole("link", { name: "Connections" }).first().click();
    await expect(row(page, "Vanguard US")).toContainText("Reconnected");
  });

  test("a login link to the brokerage's own site, on a third origin, leads there and back", async ({
    page,
    context,
    make,
  }) => {
    const owner = await make(broken("QUESTRADE"));
    await owner.set({ oauthRedirect: "third-origin" });
    await owner.enter(context);
    await page.goto("/connections");
    await row(page, "Questrade").getByRole("button", { name: "Reconnect Questrade" }).click();
    await expect(page.getByRole("heading", { name: "Sign in at Questrade" })).toBeVisible();
    expect(new URL(page.url()).hostname).toBe("brokerage.localhost");
    await signIn(page, "good", "Sign in and allow");
    await expect(resultIn(page, "Questrade is connected again")).toBeVisible();
  });

  test("a row can be removed and a brokerage connected", async ({ page, context, make }) => {
    const owner = await make({ brokerage: "VANGUARD" });
    await owner.enter(context);
    await page.goto("/connections/new");
    await page.getByRole("button", { name: "Connect Degiro" }).click();
    await signIn(page, "good", "Connect");
    await expect(page.getByRole("heading", { name: "Degiro is connected" })).toBeVisible();
    await page.goto(`/connections/${owner.ids[0] ?? ""}/remove`);
    await page.getByRole("button", { name: "Remove Vanguard US" }).click();
    await expect(row(page, "Vanguard US")).toContainText("Being removed");
  });
});

test("the return URL shows the same result when opened twice or in a different order", async ({
  page,
  owner,
}) => {
  await openPage(page, owner, "Vanguard US");
  const back = await returnPathOf(page, owner);
  await signIn(page, "good");
  await expect(page.getByRole("heading", { name: "Vanguard US is connected again" })).toBeVisible();
  await page.goto(`${back}?error_code=1023&status_code=400&status=ERROR`);
  await expect(page.getByRole("heading", { name: "Vanguard US is connected again" })).toBeVisible();
});

test("a return URL works for nobody else", async ({ page, owner, browser, make }) => {
  await openPage(page, owner, "Vanguard US");
  const back = await returnPathOf(page, owner);
  const stranger = await make();
  const other = await browser.newContext();
  await stranger.enter(other);
  const theirs = await other.request.get(`${servers().appUrl}${back}?status=SUCCESS`);
  const missing = await other.request.get(
    `${servers().appUrl}/portal/11111111-1111-4111-8111-111111111111/return?status=SUCCESS`,
  );
  expect([theirs.status(), missing.status()]).toEqual([404, 404]);
  await other.close();
});

test("a forged SUCCESS in the return URL never shows a connection as fixed", async ({ page, owner }) => {
  await openPage(page, owner, "Vanguard US");
  const back = await returnPathOf(page, owner);
  await page.goto(`${back}?status=SUCCESS&connection_id=${owner.ids[0] ?? ""}`);
  await expect(page.getByRole("heading", { name: "Checking with SnapTrade" })).toBeVisible();
  await page.goto("/connections");
  await expect(row(page, "Vanguard US")).not.toContainText(/Connected|Reconnected/);
});

test("parameters joined by a second question mark are understood, both as the portal writes them and as browsers send them", async ({
  page,
  owner,
}) => {
  await owner.set({ joinWith: "?" });
  await openPage(page, owner, "Vanguard US");
  await signIn(page, "wrong-password");
  await expect(resultIn(page, "Vanguard US didn’t accept the sign-in")).toBeVisible();
  await page.getByRole("button", { name: "Try again" }).click();
  const back = await returnPathOf(page, owner);
  await page.goto(`${back}?a=1?status=ERROR&status_code=400&error_code=1023`);
  await expect(resultIn(page, "That was a different Vanguard US login")).toBeVisible();
});

test("a login link to the brokerage's own site, on a third origin, leads there and back", async ({
  page,
  make,
  context,
}) => {
  const owner = await make(broken("QUESTRADE"));
  await owner.set({ oauthRedirect: "third-origin" });
  await owner.enter(context);
  await openPage(page, owner, "Questrade");
  await expect(page.getByRole("heading", { name: "Sign in at Questrade" })).toBeVisible();
  expect(new URL(page.url()).hostname).toBe("brokerage.localhost");
  await signIn(page, "good", "Sign in and allow");
  await expect(page.getByRole("heading", { name: "Questrade is connected again" })).toBeVisible();
});
