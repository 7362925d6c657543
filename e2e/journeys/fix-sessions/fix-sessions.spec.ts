import { createHash, randomBytes } from "node:crypto";
import { Control } from "../../support/control";
import { makePerson } from "../../support/people";
import { signIn } from "../../support/portal";
import { cookiesOf, expect, test } from "../../support/test";
import { app, emulator, makeBroken, pool, startStage, stopStage } from "../notices/stage";

test.describe.configure({ mode: "serial" });
test.beforeAll(startStage);
test.afterAll(stopStage);

/** Stores a fix session as the API would; only this test knows its token. */
async function makeLink(email: string, { signsIn = false, lives = "1 day", returns = true } = {}) {
  const token = randomBytes(24).toString("base64url");
  const { rows } = await pool.query<{ id: string }>(
    `insert into fix_sessions (token_hash, user_id, origin, return_url, signs_in, created_at, expires_at)
     select $1, id, 'api', $5, $2, now() - interval '2 days', now() + $3::interval from users where email = $4
     returning id`,
    [
      createHash("sha256").update(token).digest("hex"),
      signsIn,
      lives,
      email,
      returns ? "larch://fixed" : null,
    ],
  );
  return { id: rows[0]?.id ?? "", link: `${app.url}/fix/${token}` };
}

const outcomeOf = async (id: string) =>
  (await pool.query<{ outcome: string }>("select outcome from fix_sessions where id = $1", [id])).rows[0]
    ?.outcome;

test("a link that signs in repairs the same connection, goes back to the app, and opens nothing else", async ({
  page,
}) => {
  await page.setViewportSize({ width: 390, height: 844 });
  const { person, ids } = await makeBroken("visitor", "VANGUARD");
  const { id, link } = await makeLink(person.email, { signsIn: true });
  for (const method of ["GET", "HEAD"]) await fetch(link, { method });
  await page.goto(link);
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(page.getByRole("heading", { name: "Reconnect Vanguard US" })).toBeVisible();

  // Everything but this session refuses its visitor.
  for (const path of ["/connections", `/connections/${ids[0] ?? ""}`, "/account", "/notifications"]) {
    await page.goto(`${app.url}${path}`);
    await expect(page.getByLabel("E-mail")).toBeVisible();
  }

  // The link signs in once.
  const cookies = await page.context().cookies();
  await page.context().clearCookies();
  await page.goto(link);
  await expect(page.getByRole("heading", { name: "You’re not signed in here" })).toBeVisible();
  await page.context().addCookies(cookies);

  await page.goto(link);
  await page.getByRole("button", { name: "Reconnect Vanguard US" }).click();
  await signIn(page, "good");
  await expect(page.getByRole("heading", { name: "Vanguard US is connected again" })).toBeVisible();
  await expect(page.getByRole("link", { name: /^Back to/ })).toHaveAttribute(
    "href",
    `larch://fixed?fix_session=${id}&status=fixed`,
  );
  expect(await outcomeOf(id)).toBe("fixed");
  const { rows } = await pool.query("select state from connections where id = $1", [ids[0]]);
  expect(rows).toEqual([{ state: "enabled" }]);

  // Used up: another browser has to sign in.
  await page.context().clearCookies();
  await page.goto(link);
  await expect(page.getByRole("heading", { name: "This link no longer works" })).toBeVisible();
});

test("whoever is done for now, with nowhere to go back to, reads what works again and what is left", async ({
  page,
}) => {
  const { person } = await makeBroken("halfway", "VANGUARD", "KRAKEN");
  const { link } = await makeLink(person.email, { signsIn: true, returns: false });
  await page.goto(link);
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(page.getByText("2 connections need you")).toBeVisible();
  await page.getByRole("button", { name: "Reconnect Vanguard US" }).click();
  await signIn(page, "good");
  await page.getByRole("link", { name: "Done for now" }).click();
  await expect(page.getByText("Vanguard US is connected again. 1 connection still needs you.")).toBeVisible();
  await expect(page.getByRole("button", { name: "Reconnect Kraken" })).toBeVisible();
});

test("another person learns nothing from a link, and can switch", async ({ page, context }) => {
  const { person } = await makeBroken("linked", "KRAKEN");
  const { id, link } = await makeLink(person.email);
  const stranger = await makePerson({ appUrl: app.url, emulatorUrl: emulator.url }, "other@example.com");
  await context.addCookies(cookiesOf(stranger));
  await page.goto(link);
  await expect(page.getByRole("heading", { name: "This link is for someone else" })).toBeVisible();
  await expect(page.locator("body")).not.toContainText(/Kraken|linked@/);
  expect((await page.goto(`${app.url}/fix-sessions/${id}`))?.status()).toBe(404);
  await page.goto(link);
  await page.getByRole("button", { name: "Switch accounts" }).click();
  await expect(page.getByLabel("E-mail")).toBeVisible();
});

test("a visitor isn't promised a link that is used up, and every part of the page keeps to its column", async ({
  page,
}) => {
  await page.setViewportSize({ width: 1440, height: 900 });
  await new Control(emulator.url).post("/brokerages/TRADIER", { maintenance_mode: true });
  const { person } = await makeBroken("paused", "TRADIER");
  const { id, link } = await makeLink(person.email, { signsIn: true });
  await page.goto(link);
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(page.getByRole("heading", { name: "Nothing for you to do right now" })).toBeVisible();
  await expect(page.getByText("Tradier is having trouble or is under maintenance")).toBeVisible();
  await expect(page.locator("main")).not.toContainText("keeps working");
  const widthOf = async (part: string) => (await page.locator(part).boundingBox())?.width;
  expect(await widthOf("footer")).toBe(await widthOf("main"));
  // Going back doesn't give up: the brokerage may be fine again before the session ends.
  await expect(page.getByRole("link", { name: /^Back to/ })).toHaveAttribute("href", /status=opened/);
  expect(await outcomeOf(id)).toBeNull();
  await page.getByRole("link", { name: "How this works" }).click();
  await expect(page.getByRole("heading", { name: "How this works" })).toBeVisible();
  expect(await widthOf("footer")).toBe(await widthOf("main"));
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("a person fails, gives up, and gets back to the app; an expired link says so", async ({
    page,
    context,
  }) => {
    const { person } = await makeBroken("leaving", "QUESTRADE");
    const [{ id, link }, expired] = [
      await makeLink(person.email),
      await makeLink(person.email, { lives: "-1 day" }),
    ];
    await context.addCookies(cookiesOf(person));
    await page.goto(expired.link);
    await expect(page.getByRole("heading", { name: "This link has expired" })).toBeVisible();
    await page.goto(link);
    await page.getByRole("button", { name: "Reconnect Questrade" }).click();
    await page
      .getByRole("button", { name: "Close" })
      .or(page.getByRole("link", { name: "Close" }))
      .first()
      .click();
    await expect(page.getByRole("heading", { name: "The sign-in wasn’t finished" })).toBeVisible();
    const [answer] = await Promise.all([
      page.waitForResponse((response) => response.url().endsWith("/leave")),
      page.getByRole("button", { name: /^Not now/ }).click(),
    ]);
    expect(await answer.text()).toContain(`larch://fixed?fix_session=${id}&#38;status=failed`);
    expect(await outcomeOf(id)).toBe("failed");
  });
});
