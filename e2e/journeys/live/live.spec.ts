import type { Page } from "@playwright/test";
import { broken, expect, row, servers, test, type Owner } from "../../support/test";
import { dialogOf, openDialog } from "../../support/portal";

const working = (brokerage: string) => ({ brokerage, createdDate: "2026-03-01T12:00:00Z" });

/** From now on, SnapTrade sends webhooks for this person. */
async function withWebhooks(owner: Owner): Promise<Owner> {
  await owner.set({ webhooks: "send" });
  return owner;
}

/** Reads server-sent events like a page does; `next` resolves with the next version. */
async function listen(owner: Owner) {
  const stop = new AbortController();
  const answer = await fetch(`${servers().appUrl}/api/live`, {
    headers: { Cookie: owner.visitor.cookieHeader() },
    signal: stop.signal,
  });
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  let heard = "";
  async function next(): Promise<number> {
    for (;;) {
      const event = /event: changed\ndata: (\d+)\n\n/.exec(heard);
      if (event) {
        heard = heard.slice(event.index + event[0].length);
        return Number(event[1]);
      }
      const read = await reader?.read();
      if (!read?.value) throw new Error("The stream has ended");
      heard += read.value;
    }
  }
  return { status: answer.status, next, stop: () => stop.abort() };
}

test.describe("an open page", () => {
  test("shows a break and a repair without a reload: in place, in its title, and in an announcement", async ({
    page,
    make,
    context,
  }) => {
    const owner = await withWebhooks(await make(working("QUESTRADE"), working("KRAKEN")));
    await owner.enter(context);
    await page.goto("/connections");
    await page.evaluate(() => Object.assign(window, { notReloaded: true }));
    const connected = page.getByRole("region", { name: /^Connected/ });
    await expect(connected.getByRole("listitem")).toHaveCount(2);
    const announcer = page.getByRole("status").filter({ hasText: /Questrade/ });

    await owner.break(0);
    await expect(row(page, "Questrade").getByText("Needs reconnecting")).toBeVisible();
    await expect(row(page, "Questrade").getByRole("button", { name: "Reconnect Questrade" })).toBeVisible();
    await expect(page).toHaveTitle(/^1\sof\s2\sconnections needs you/);
    await expect(announcer).toHaveText("Questrade stopped sharing data.");
    await expect(connected.getByRole("listitem")).toHaveCount(2);

    await owner.fix(0);
    await expect(row(page, "Questrade").getByText("Reconnected")).toBeVisible();
    await expect(page).toHaveTitle(/^All 2\sconnections are working/);
    await expect(announcer).toHaveText(/^Questrade reconnected\. SnapTrade confirmed at /);
    expect(await page.evaluate(() => Reflect.get(window, "notReloaded") === true)).toBe(true);
  });

  test("that was hidden sends no requests until it is shown, then catches up", async ({
    page,
    make,
    context,
  }) => {
    const owner = await withWebhooks(await make(working("QUESTRADE")));
    await owner.enter(context);
    // A page that doesn't know the person's time zone yet reloads its data at once.
    await context.addCookies([{ name: "time-zone", value: "America%2FToronto", url: servers().appUrl }]);
    await page.goto("/connections");
    await show(page, "hidden");
    const asked: string[] = [];
    page.on("request", (request) => asked.push(request.url()));
    const elsewhere = await listen(owner);
    const version = await elsewhere.next();
    await owner.break(0);
    expect(await elsewhere.next()).toBeGreaterThan(version);
    elsewhere.stop();
    expect(asked).toEqual([]);
    await show(page, "visible");
    await expect(row(page, "Questrade").getByText("Needs reconnecting")).toBeVisible();
  });

  test("that shows one connection updates too", async ({ page, make, context }) => {
    const owner = await withWebhooks(await make(working("QUESTRADE")));
    await owner.enter(context);
    await page.goto(`/connections/${owner.ids[0]}`);
    await owner.break(0);
    await expect(page.getByRole("heading", { name: "What happened" })).toBeVisible();
    await expect(page.getByText("SnapTrade notified us")).toBeVisible();
  });

  test("without JavaScript loses only the live updates", async ({ browser, make }) => {
    const owner = await withWebhooks(await make(working("QUESTRADE")));
    const context = await browser.newContext({ javaScriptEnabled: false, baseURL: servers().appUrl });
    await owner.enter(context);
    const page = await context.newPage();
    await page.goto("/connections");
    const heard = await listen(owner);
    await heard.next();
    await owner.break(0);
    await heard.next();
    heard.stop();
    await page.reload();
    await expect(row(page, "Questrade").getByText("Needs reconnecting")).toBeVisible();
    await context.close();
  });
});

test("the portal's dialog shows the result from the event alone while SnapTrade answers no looks", async ({
  page,
  make,
  context,
}) => {
  const owner = await withWebhooks(await make(broken("VANGUARD")));
  await owner.enter(context);
  const { dialog, result } = await openDialog(page, "Vanguard");
  await expect(dialog.getByTitle("SnapTrade sign-in for Vanguard")).toBeVisible();
  await owner.fault({ endpoint: "list", kind: "status", status: 503 });
  await owner.fix(0);
  await expect(result(/is connected again/)).toBeVisible();
  await dialogOf(page).close();
  // The event triggered a look, which failed: the list keeps showing what it last saw.
  await expect(row(page, "Vanguard")).toContainText(/Connected at \d\d:\d\d/);
  await owner.clearFaults();
  await page.getByRole("button", { name: "Try now" }).click();
  await expect(row(page, "Vanguard").getByText("Reconnected")).toBeVisible();
});

test("a page waiting for a look stays unchanged under an open dialog, and then shows the result", async ({
  page,
  make,
  context,
}) => {
  const owner = await withWebhooks(await make(broken("KRAKEN")));
  await owner.enter(context);
  await page.clock.install();
  await page.goto("/connections");
  await expect(row(page, "Kraken")).toContainText("Needs reconnecting");
  // While something needs reconnecting, the page looks again every minute, and says so only shortly before.
  await expect(page.getByText("Checking with SnapTrade…")).toHaveCount(0);
  await row(page, "Kraken").getByRole("button", { name: "Reconnect Kraken" }).click();
  const { portal, result } = dialogOf(page);
  await expect(portal.getByLabel("API key")).toBeVisible();
  await portal.getByLabel("API key").fill("good");
  await portal.getByLabel("API secret").fill("anything");
  await portal.getByRole("button", { name: "Reconnect", exact: true }).click();
  await expect(result("Kraken is connected again")).toBeVisible();
  // A page sends one request at a time: once the second is answered, the first has had its effect.
  for (const next of [() => page.clock.fastForward(61_000), () => owner.break(0)]) {
    const answered = page.waitForResponse((response) => response.request().method() === "POST");
    await next();
    await answered;
  }
  await expect(result("Kraken is connected again")).toBeVisible();
});

test("a read after an event never shows the older state, in 300 tries", async ({ make }) => {
  test.setTimeout(300_000);
  // The clock advances in steps, so that no two events are too close to order, and stays within the
  // tolerance.
  const owner = await make();
  await owner.advance(-480);
  await owner.connect(working("QUESTRADE"));
  await withWebhooks(owner);
  const live = await listen(owner);
  let version = await live.next();
  let looks = 0;
  for (let turn = 0; turn < 300; turn++) {
    const breaks = turn % 2 === 0;
    await owner.advance(2.1);
    await Promise.all([live.next().then(hear), breaks ? owner.break(0) : owner.fix(0)]);
    // The page's own look, due every minute while something needs reconnecting, is announced too and may come
    // first.
    for (; !(await shows(breaks)); looks++) hear(await live.next());
  }
  expect(looks).toBeLessThan(20);

  function hear(next: number) {
    expect(next).toBeGreaterThan(version);
    version = next;
  }
  async function shows(breaks: boolean) {
    return (await owner.visitor.open("/connections")).includes("Needs reconnecting") === breaks;
  }
  live.stop();
});

test("the stream requires a sign-in and allows five connections per person", async ({ make }) => {
  const owner = await make(working("QUESTRADE"));
  expect((await fetch(`${servers().appUrl}/api/live`)).status).toBe(401);
  const open = await Promise.all(Array.from({ length: 5 }, () => listen(owner)));
  expect(open.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  const sixth = await listen(owner);
  expect(sixth.status).toBe(429);
  open[0]?.stop();
  await expect.poll(async () => (await listen(owner)).status).toBe(200);
  for (const { stop } of open) stop();
});

/** Playwright can't hide a tab, so this changes what the page sees. */
async function show(page: Page, state: "visible" | "hidden") {
  await page.evaluate((visibility) => {
    Object.defineProperty(document, "visibilityState", { value: visibility, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, state);
}
