import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { askForLink } from "../../support/people";
import { dialogOf, openDialog, signIn } from "../../support/portal";
import { broken, expect, servers, test } from "../../support/test";

/** Expects no violations in light or dark mode, and no horizontal scrolling at 320 pixels. */
async function examine(page: Page, name: string) {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    // The portal in the frame belongs to SnapTrade.
    const { violations } = await new AxeBuilder({ page }).exclude("iframe").analyze();
    expect(
      violations.map(
        ({ id, nodes }) =>
          `${name} ${colorScheme} ${id}: ${nodes.map(({ target }) => target.join(" ")).join(", ")}`,
      ),
    ).toEqual([]);
  }
  const size = page.viewportSize();
  await page.setViewportSize({ width: 320, height: 700 });
  expect(
    await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth),
    `${name} scrolls sideways`,
  ).toBeLessThanOrEqual(0);
  if (size) await page.setViewportSize(size);
}

test("the signed-out pages are accessible: sign in, check your e-mail, a sign-in link, not found", async ({
  page,
}) => {
  const link = await askForLink(
    servers(),
    "somebody.with.a.rather.long.address+reconnect@long-domain-name.example.com",
  );
  // The last one is a self-contained page, like the page that leads to the portal.
  for (const path of ["/", "/?error=Verification", "/check-mail", link, "/no-such-page", "/%zz"]) {
    await page.goto(path);
    await examine(page, path);
  }
});

test("the list in every state, one connection, removing, connecting, and how this works are accessible", async ({
  page,
  context,
  make,
  control,
}) => {
  const owner = await make(
    broken("VANGUARD", {
      accounts: [{ name: "A very long account name that somebody chose", number: "55124417" }],
    }),
    broken("DEGIRO"),
    broken("TASTYTRADE"),
    broken("WEBULL"),
    { brokerage: "TRADING212" },
    { brokerage: "SCHWAB" },
    { brokerage: "ALPACA", type: "trade" },
  );
  await owner.enter(context);
  // Brokerage flags affect everyone, so no other test uses these four.
  for (const [slug, flags] of Object.entries({
    TASTYTRADE: { maintenance_mode: true },
    WEBULL: { enabled: false },
    TRADING212: { is_degraded: true },
    SCHWAB: { maintenance_mode: true },
  })) {
    await control.post(`/brokerages/${slug}`, flags);
  }
  await owner.fix(1);
  await page.goto("/connections");
  await page.getByRole("button", { name: "Check now" }).click();
  await expect(page.getByText("No longer supported")).toBeVisible();
  await expect(page.getByText("Reconnected", { exact: true })).toBeVisible();
  await examine(page, "list");
  for (const path of [
    "/connections/new",
    "/connections/new?brokerage=VANGUARD",
    "/connections/new?brokerage=TRADIER",
    `/connections/${owner.ids[0] ?? ""}`,
    `/connections/${owner.ids[0] ?? ""}/remove`,
    `/connections/${owner.ids[3] ?? ""}`,
    "/how-this-works",
  ]) {
    await page.goto(path);
    await examine(page, path);
  }
  await owner.fault({ endpoint: "list", kind: "html502" });
  await page.goto("/connections");
  await page.getByRole("button", { name: "Check now" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(/^As of/);
  await expect(page).toHaveTitle(/^As of/);
  await examine(page, "unreachable");
});

test("the page without connections is accessible", async ({ page, context, make }) => {
  const owner = await make();
  await owner.enter(context);
  await page.goto("/connections");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Connect your first brokerage");
  await examine(page, "empty");
});

test("the dialog is accessible with the portal, a failure, and the result", async ({ page, owner }) => {
  const { portal, result, refusal, leavePortal } = await openDialog(page, "Vanguard US");
  await expect(portal.getByLabel("User name")).toBeVisible();
  await examine(page, "dialog");
  await signIn(portal, "other-login");
  await expect(refusal("That was a different Vanguard US login")).toBeVisible();
  await examine(page, "refusal");
  await leavePortal();
  await expect(result(/different Vanguard US login/)).toBeVisible();
  await examine(page, "failure");
  await dialogOf(page).dialog.getByRole("button", { name: "Try the original login" }).click();
  await signIn(portal, "good");
  await expect(result("Vanguard US is connected again")).toBeVisible();
  await examine(page, "proof");
  expect(owner.ids).toHaveLength(1);
});

test("the result on its own page is accessible", async ({ page, owner }) => {
  await page.setViewportSize({ width: 390, height: 800 });
  await page.goto(`/connections/${owner.ids[0] ?? ""}`);
  await page.getByRole("button", { name: "Reconnect Vanguard US" }).click();
  await signIn(page, "unreachable");
  await expect(page.getByRole("heading", { name: "Vanguard US can’t be reached right now" })).toBeVisible();
  await examine(page, "page result");
});
