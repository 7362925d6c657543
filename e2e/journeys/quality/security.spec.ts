import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { askForLink } from "../../support/people";
import { openDialog, signIn } from "../../support/portal";
import { expect, portalOrigin, row, servers, test } from "../../support/test";
import { Visitor } from "../../support/visitor";

test("messages from a foreign origin change nothing", async ({ page, owner, context }) => {
  const { portal, dialog } = await openDialog(page, "Vanguard US");
  await expect(portal.getByLabel("User name")).toBeVisible();
  const before = await owner.asked("/authorizations");
  await page.evaluate((id) => {
    for (const data of [
      { status: "SUCCESS", authorizationId: id },
      "CLOSE_MODAL",
      "CLOSED",
      { status: "ERROR", errorCode: "1066" },
    ]) {
      for (const origin of ["https://evil.example", "null", `${location.origin}.evil.example`])
        window.dispatchEvent(new MessageEvent("message", { origin, data }));
    }
  }, owner.ids[0]);
  await expect(portal.getByLabel("User name")).toBeVisible();
  await expect(dialog.getByText("Checking with SnapTrade")).toHaveCount(0);
  expect(await owner.asked("/authorizations")).toBe(before);
  expect(context.pages()).toHaveLength(1);
});

test("messages from another site's window are ignored", async ({ page, owner, context }) => {
  const foreign = createServer((_, response) =>
    response.setHeader("Content-Type", "text/html").end("<!doctype html><title>foreign</title>"),
  );
  await new Promise<void>((resolve) => foreign.listen(0, "127.0.0.1", resolve));
  const { portal, dialog } = await openDialog(page, "Vanguard US");
  await expect(portal.getByLabel("User name")).toBeVisible();
  const opening = context.waitForEvent("page");
  await page.evaluate(
    (port) => void window.open(`http://127.0.0.1:${port}/`),
    (foreign.address() as AddressInfo).port,
  );
  const evil = await opening;
  await evil.waitForLoadState();
  await evil.evaluate(
    (id) => (window.opener as Window | null)?.postMessage({ status: "SUCCESS", authorizationId: id }, "*"),
    owner.ids[0],
  );
  await expect(dialog.getByText("Checking with SnapTrade")).toHaveCount(0);
  await signIn(portal, "good");
  await expect(dialog.getByRole("heading", { name: "Vanguard US is connected again" })).toBeVisible();
  foreign.close();
});

test("another person's connection answers exactly like a missing one: page, removal, and action", async ({
  owner,
  make,
  browser,
}) => {
  const context = await browser.newContext();
  const stranger = await make({ brokerage: "KRAKEN", disabled: true });
  await stranger.enter(context);
  const id = owner.ids[0] ?? "";
  for (const [theirs, missing] of [
    [`/connections/${id}`, `/connections/${randomUUID()}`],
    [`/connections/${id}/remove`, `/connections/${randomUUID()}/remove`],
  ] as const) {
    const answers = await Promise.all(
      [theirs, missing].map((path) => context.request.get(servers().appUrl + path)),
    );
    expect(answers.map((answer) => answer.status())).toEqual([404, 404]);
  }
  const forged = (connectionId: string) =>
    stranger.visitor.submit("/connections", (form) => form.includes('name="connectionId"'), { connectionId });
  expect(await forged(id)).toContain("error=not-found");
  expect(await forged(randomUUID())).toContain("error=not-found");
  await context.close();
});

test("every page leads a signed-out visitor to sign in", async ({ request }) => {
  for (const path of [
    "/connections",
    "/connections/new",
    `/connections/${randomUUID()}`,
    `/portal/${randomUUID()}/return`,
  ]) {
    const answer = await request.get(path, { maxRedirects: 0 });
    expect(answer.status(), path).toBeGreaterThanOrEqual(303);
    expect(answer.headers().location, path).toMatch(/^\/(\?|$)/);
  }
});

test("responses contain no secrets, and only a click returns a login link", async ({ page, owner }) => {
  const bodies: string[] = [];
  page.on("response", (response) => {
    if (response.url().startsWith(servers().appUrl))
      void response.text().then(
        (body) => bodies.push(body),
        () => undefined,
      );
  });
  await page.goto("/connections");
  await page.goto(`/connections/${owner.ids[0] ?? ""}`);
  await page.waitForLoadState("networkidle");
  expect(bodies.length).toBeGreaterThan(2);
  for (const body of bodies) expect(body).not.toMatch(/redeemToken|userSecret|sealed|demo-consumer-key/);
  expect(bodies.join("")).not.toContain(owner.snapTradeUserId);
});

test("pages have a policy with a nonce, can't be framed, and can only frame the portal", async ({
  request,
}) => {
  const headers = (await request.get("/")).headers();
  const policy = headers["content-security-policy"] ?? "";
  expect(policy).toMatch(/script-src 'self' 'nonce-[\w+/=]{16,}' 'strict-dynamic';/);
  expect(policy).toContain(`frame-src ${portalOrigin()};`);
  expect(policy).toContain("frame-ancestors 'none'");
  expect(headers["x-powered-by"]).toBeUndefined();
  expect(headers["referrer-policy"]).toBe("same-origin");
  expect(headers["cross-origin-opener-policy"]).toBe("same-origin-allow-popups");
});

test("a sign-in link works once, and only through its button: a scanner or prefetch doesn't use it up", async ({
  page,
  request,
}) => {
  const email = `${randomUUID()}@example.com`;
  const link = await askForLink(servers(), email);
  expect((await request.head(link)).status()).toBe(200);
  for (const headers of [{}, { "Sec-Purpose": "prefetch" }] as Record<string, string>[]) {
    const opened = await request.get(link, { headers });
    expect(opened.headers()["set-cookie"] ?? "").not.toContain("session-token");
    expect(opened.headers()["cache-control"]).toContain("no-store");
  }
  expect((await request.get("/connections", { maxRedirects: 0 })).status()).not.toBe(200);
  await page.goto(link);
  await page.getByRole("button", { name: `Sign in as ${email}` }).click();
  await expect(page).toHaveURL("/connections");
  await page.context().clearCookies();
  await page.goto(link);
  await expect(page.getByText("That link has already been used")).toBeVisible();
});

test("the older form of a sign-in link also leads to the page with the button", async ({ page }) => {
  const email = `${randomUUID()}@example.com`;
  const { search } = new URL(await askForLink(servers(), email));
  await page.goto(`/api/auth/callback/email${search}`);
  await expect(page.getByRole("button", { name: `Sign in as ${email}` })).toBeVisible();
});

test("someone else's sign-in link never signs a browser in without a click, and says whose it is", async ({
  page,
  context,
  owner,
}) => {
  const stranger = `${randomUUID()}@example.com`;
  await page.goto(await askForLink(servers(), stranger));
  await expect(page.getByRole("button", { name: `Sign in as ${stranger}` })).toBeVisible();
  await expect(page.getByText(`You’re currently signed in as ${owner.email}`)).toBeVisible();
  await context.clearCookies();
  // Requesting a different link doesn't make this browser the one that requested this link.
  await page.goto("/");
  await page.getByLabel("E-mail").fill(`${randomUUID()}@example.com`);
  await page.getByRole("button", { name: "E-mail me a sign-in link" }).click();
  await expect(page.getByRole("heading", { name: "Check your e-mail" })).toBeVisible();
  await page.goto(await askForLink(servers(), stranger));
  await page.waitForLoadState("networkidle");
  await expect(page.getByRole("button", { name: `Sign in as ${stranger}` })).toBeVisible();
});

test("the browser that requested a sign-in link is signed in without a click", async ({ page, control }) => {
  const email = `${randomUUID()}@example.com`;
  await page.goto("/?callbackUrl=%2Fnotifications");
  await page.getByLabel("E-mail").fill(email);
  await page.getByRole("button", { name: "E-mail me a sign-in link" }).click();
  await expect(page.getByRole("heading", { name: "Check your e-mail" })).toBeVisible();
  const { links } = await control.waitForMail(email);
  await page.goto(links.find((link) => link.includes("/sign-in?")) ?? "");
  await expect(page).toHaveURL("/notifications");
});

test("one network can't make us send two hundred e-mails to strangers", async ({ control }) => {
  const run = randomUUID();
  const visitor = new Visitor(servers().appUrl, "192.0.2.1");
  for (let batch = 0; batch < 4; batch++)
    await Promise.all(
      Array.from({ length: 10 }, (_, number) =>
        visitor.submit("/", (form) => form.includes('name="email"'), {
          email: `${run}-${batch}-${number}@example.com`,
        }),
      ),
    );
  const mails = await control.get<{ to: string }[]>("/mail");
  const sent = mails.filter((mail) => JSON.stringify(mail).includes(run));
  expect(sent.length).toBeGreaterThan(0);
  expect(sent.length).toBeLessThanOrEqual(30);
});

test("requesting a link answers the same for known and unknown addresses", async ({ page, owner }) => {
  const seen: string[] = [];
  for (const email of [owner.email, `${randomUUID()}@example.com`]) {
    await page.context().clearCookies();
    await page.goto("/");
    await page.getByLabel("E-mail").fill(email);
    await page.getByRole("button", { name: "E-mail me a sign-in link" }).click();
    await expect(page.getByRole("heading", { name: "Check your e-mail" })).toBeVisible();
    seen.push(await page.getByRole("main").innerText());
  }
  expect(seen[0]).toBe(seen[1]);
});

test("an invalid address gets an explanation", async ({ page }) => {
  await page.goto("/?error=address");
  await expect(page.getByText("That doesn’t look like an e-mail address.")).toBeVisible();
  await expect(row(page, "anything")).toHaveCount(0);
});

test("signing out ends the session", async ({ page, owner }) => {
  await page.goto("/connections");
  await page.getByRole("button", { name: "Account" }).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByRole("heading", { name: "Sign in to see your connections" })).toBeVisible();
  await owner.enter(page.context());
  await page.goto("/connections");
  await expect(page.getByRole("heading", { name: "Sign in to see your connections" })).toBeVisible();
});
