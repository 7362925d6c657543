import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "@playwright/test";
import { broken, expect, portalOrigin, row, servers, test } from "../../support/test";

/** The server action behind the first form on `/`, as fields that any site could post. */
async function signInForm(page: Page) {
  const html = await (await page.request.get("/")).text();
  const [, action = ""] = /name="(\$ACTION_ID_[0-9a-f]+)"/.exec(html) ?? [];
  expect(action).not.toBe("");
  return { [action]: "", email: "nobody@example.com" };
}

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("a login link that redirects to the brokerage's own site can be followed under a strict form-action", async ({
    page,
    context,
    make,
  }) => {
    const brokerage = createServer((_, answer) =>
      answer
        .setHeader("Content-Type", "text/html; charset=utf-8")
        .end("<!doctype html><title>Brokerage</title><h1>The brokerage’s own page</h1>"),
    );
    await new Promise<void>((resolve) => brokerage.listen(0, "127.0.0.1", resolve));
    const place = `http://127.0.0.1:${(brokerage.address() as AddressInfo).port}/`;
    const owner = await make(broken("VANGUARD"));
    await owner.enter(context);
    await page.route(`${portalOrigin()}/**`, (route) =>
      route.fulfill({ status: 302, headers: { Location: place } }),
    );
    await page.goto("/connections");
    const answered = page.waitForResponse((answer) => answer.request().method() === "POST");
    await row(page, "Vanguard US").getByRole("button", { name: "Reconnect Vanguard US" }).click();
    await expect(page.getByRole("heading", { name: "The brokerage’s own page" })).toBeVisible();
    const answer = await answered;
    expect(answer.headers()["cache-control"]).toContain("no-store");
    expect(answer.headers()["referrer-policy"]).toBe("no-referrer");
    expect(answer.headers()["content-security-policy"]).toMatch(
      /^default-src 'none'; style-src 'nonce-[^']+'; form-action 'none'/,
    );
    expect(answer.url()).not.toMatch(/redeemToken|sessionId/);
    expect((await page.request.get("/connections")).headers()["content-security-policy"]).toContain(
      "form-action 'self';",
    );
    brokerage.close();
  });
});

test("an unknown or malformed return address shows a page of the app", async ({ page, owner }) => {
  expect(owner.returnPath).toMatch(/^\/portal\//);
  for (const path of [
    "/portal/11111111-1111-4111-8111-111111111111/return?status=SUCCESS",
    "/portal/nonsense/return",
  ]) {
    const answer = await page.goto(path);
    expect(answer?.status(), path).toBe(404);
    await expect(page.getByRole("heading", { name: "Page not found" })).toBeVisible();
    await expect(page.getByRole("link", { name: "Go to your connections" })).toBeVisible();
  }
});

test("every route refuses bodies over its limit", async () => {
  for (const path of [
    "/",
    "/connections",
    "/api/auth/callback/email",
    "/api/auth/signin/email",
    "/api/unsubscribe/x",
    "/api/cron/reconcile",
  ]) {
    for (const init of [
      { body: Buffer.alloc(1_000_000) },
      { body: new Blob([Buffer.alloc(1_000_000)]).stream(), duplex: "half" },
    ]) {
      const answer = await fetch(servers().appUrl + path, {
        method: "POST",
        headers: { Origin: servers().appUrl },
        ...init,
      });
      expect(answer.status, path).toBe(413);
    }
  }
});

test("a malformed address shows a page of the app", async ({ page }) => {
  const answer = await page.goto("/connections/%zz");
  expect(answer?.status()).toBe(404);
  await expect(page.getByRole("link", { name: "Go to your connections" })).toBeVisible();
});

test("an invalid time zone is ignored, however it is spelled", async ({ page, owner, context }) => {
  expect(owner.ids).toHaveLength(1);
  for (const value of ["%25", "%", "%E0%A4%A", "Mars/Olympus", "x".repeat(3_000)]) {
    await context.addCookies([{ name: "time-zone", value, url: servers().appUrl }]);
    expect((await page.request.get("/connections")).status(), value).toBe(200);
  }
});

test("a server action runs only for forms from our own origin", async ({ page }) => {
  const multipart = await signInForm(page);
  const { host } = new URL(servers().appUrl);
  const foreign: Record<string, string>[] = [
    {},
    { Origin: "null" },
    { Origin: "https://evil.example" },
    { Origin: "https://evil.example", "X-Forwarded-Host": "evil.example" },
    { Origin: `https://${host}.evil.example`, "X-Forwarded-Host": host },
  ];
  for (const headers of foreign) {
    const form = new FormData();
    for (const [name, value] of Object.entries(multipart)) form.set(name, value);
    const answer = await fetch(servers().appUrl, { method: "POST", body: form, headers, redirect: "manual" });
    expect(answer.status, JSON.stringify(headers)).toBe(403);
    expect(answer.headers.get("content-type")).toContain("text/html");
    expect(await answer.text()).toContain("<h1");
  }
});

test("responses other than pages carry a policy that allows nothing", async ({ request }) => {
  for (const path of ["/api/health", "/api/live", "/api/unsubscribe/x", "/api/cron/reconcile"]) {
    const answer = await request.get(path, { maxRedirects: 0 });
    expect(answer.headers()["content-security-policy"], path).toBe(
      "default-src 'none'; frame-ancestors 'none'",
    );
  }
});
