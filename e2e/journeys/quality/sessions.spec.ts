import type { Browser } from "@playwright/test";
import { askForLink } from "../../support/people";
import { expect, servers, test, type Owner } from "../../support/test";

/** Signs in on another device: a separate browser that shares nothing with the first. */
async function signInElsewhere(browser: Browser, owner: Owner, userAgent: string) {
  const context = await browser.newContext({ userAgent, baseURL: servers().appUrl });
  const page = await context.newPage();
  await page.goto(await askForLink(servers(), owner.email));
  await page.getByRole("button", { name: `Sign in as ${owner.email}` }).click();
  await expect(page).toHaveURL(/\/connections$/);
  return page;
}

const phone =
  "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1";
const laptop = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0";

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("a person sees their sessions, and ends one or all others, without JavaScript", async ({
    page,
    owner,
    browser,
  }) => {
    const lost = await signInElsewhere(browser, owner, phone);
    const kept = await signInElsewhere(browser, owner, laptop);
    await page.goto("/account");
    await page.getByRole("link", { name: "See where you’re signed in" }).click();
    await expect(page.getByRole("listitem", { name: "Safari on iPhone" })).toContainText(
      "Last used just now",
    );
    await expect(page.getByRole("listitem").filter({ hasText: "This device" })).toHaveCount(1);

    await page.getByRole("button", { name: "Sign out of Safari on iPhone" }).click();
    await expect(page.getByText("That device is signed out.")).toBeVisible();
    await expect(page.getByRole("listitem", { name: "Safari on iPhone" })).toHaveCount(0);
    await lost.goto("/connections");
    await expect(lost.getByRole("heading", { name: "Sign in to see your connections" })).toBeVisible();
    await kept.goto("/connections");
    await expect(kept).toHaveURL(/\/connections$/);

    await page.getByRole("button", { name: "Sign out everywhere else" }).click();
    await expect(page.getByText("You’re signed out everywhere else.")).toBeVisible();
    await kept.goto("/connections");
    await expect(kept.getByRole("heading", { name: "Sign in to see your connections" })).toBeVisible();
    await page.goto("/connections");
    await expect(page).toHaveURL(/\/connections$/);
    for (const { context } of [lost, kept].map((open) => ({ context: open.context() })))
      await context.close();
  });
});

test("an open page shows the sign-in on its own when its session is ended elsewhere", async ({
  page,
  owner,
  browser,
}) => {
  const open = await signInElsewhere(browser, owner, phone);
  await page.goto("/account/sessions");
  await page.getByRole("button", { name: "Sign out everywhere else" }).click();
  await expect(open.getByRole("heading", { name: "Sign in to see your connections" })).toBeVisible();
  await open.context().close();
});

test("the session's cookie is out of reach of scripts, and its token is in no page", async ({
  page,
  owner,
}) => {
  const token = /session-token=([^;]+)/.exec(owner.visitor.cookieHeader())?.[1] ?? "";
  expect(token).toMatch(/^[\w-]{43}$/);
  const signedIn = await page.context().cookies();
  expect(signedIn.find(({ value }) => value === token)?.name).toContain("session-token");
  for (const path of ["/connections", "/account", "/account/sessions"]) {
    const html = await (await page.request.get(path)).text();
    expect(html, path).not.toContain(token);
  }
});

test("signing in again ends the session this browser had", async ({ browser, owner }) => {
  const page = await signInElsewhere(browser, owner, laptop);
  const cookies = await page.context().cookies();
  const [first] = cookies.filter(({ name }) => name.endsWith("session-token"));
  expect(first).toMatchObject({ httpOnly: true, sameSite: "Lax" });
  await page.goto(await askForLink(servers(), owner.email));
  await page.getByRole("button", { name: `Sign in as ${owner.email}` }).click();
  await expect(page).toHaveURL(/\/connections$/);
  const answer = await fetch(`${servers().appUrl}/connections`, {
    headers: { Cookie: `${first?.name ?? ""}=${first?.value ?? ""}` },
    redirect: "manual",
  });
  expect(answer.headers.get("location")).toMatch(/^\/\?/);
  await page.context().close();
});

test("signing in never leads to another site", async ({ page, control }) => {
  const email = `${crypto.randomUUID()}@example.com`;
  await page.goto("/?callbackUrl=https://evil.example/");
  await page.getByLabel("E-mail").fill(email);
  await page.getByRole("button", { name: "E-mail me a sign-in link" }).click();
  await expect(page.getByRole("heading", { name: "Check your e-mail" })).toBeVisible();
  const { links } = await control.waitForMail(email);
  const link = new URL(links.find((candidate) => candidate.includes("/sign-in?")) ?? "");
  expect(link.href).not.toContain("evil");
  link.searchParams.set("returnTo", "//evil.example/");
  await page.goto(link.href);
  await expect(page).toHaveURL(/\/connections$/);
});
