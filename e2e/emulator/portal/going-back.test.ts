import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startTestEmulator, type TestUser, Visitor } from "../testing";

const back = "https://app.example.com/return";

let world: Awaited<ReturnType<typeof startTestEmulator>>;
let user: TestUser;
beforeAll(async () => {
  world = await startTestEmulator();
});
beforeEach(async () => {
  user = await world.newUser();
});
afterAll(() => world.emulator.close());

async function visit(wanted: Record<string, unknown>, query = "") {
  const link = await world.loginLink(user, wanted);
  const visitor = await new Visitor().open(link);
  return query ? visitor.open(`?${query}`) : visitor;
}

async function reconnect(brokerage: string, wanted: Record<string, unknown> = {}, query = "") {
  const id = await world.newConnection(user, brokerage, { disabled: true });
  return { id, visitor: await visit({ reconnect: id, customRedirect: back, ...wanted }, query) };
}

const parameters = (visitor: Visitor) => Object.fromEntries(visitor.left?.searchParams ?? []);

describe("leaving", () => {
  test("returns with the status ABANDONED", async () => {
    const { visitor } = await reconnect("KRAKEN");
    await visitor.follow("Close");
    expect(visitor.left?.href).toBe(`${back}?status=ABANDONED`);
  });

  test("can return without any status", async () => {
    await world.control(`/users/${user.userId}/settings`, { cancelWithoutStatus: true });
    const { visitor } = await reconnect("KRAKEN", { customRedirect: `${back}?state=7` });
    await visitor.follow("Close");
    expect(visitor.left?.href).toBe(`${back}?state=7`);
  });

  test("joins its parameters to an existing query in the configured way", async () => {
    const wanted = { customRedirect: `${back}?state=7#part` };
    const joined = (await reconnect("KRAKEN", wanted)).visitor;
    await joined.follow("Close");
    expect(joined.left?.href).toBe(`${back}?state=7&status=ABANDONED#part`);
    await world.control(`/users/${user.userId}/settings`, { joinWith: "?" });
    const doubled = (await reconnect("KRAKEN", wanted)).visitor;
    await doubled.follow("Close");
    expect(doubled.left?.href).toBe(`${back}?state=7?status=ABANDONED#part`);
  });

  test("is not offered when the partner hides the close button", async () => {
    expect((await reconnect("KRAKEN", { showCloseButton: false })).visitor.html).not.toContain(
      'aria-label="Close"',
    );
  });

  test("notifies a waiting opener before it redirects", async () => {
    const { visitor } = await reconnect("KRAKEN", {}, "opener=1");
    await visitor.follow("Close");
    expect(visitor.left).toBeNull();
    expect(visitor.messages()).toEqual(["ABANDONED"]);
  });
});

describe("in a frame", () => {
  test("nothing redirects, whatever the login requested", async () => {
    const { id, visitor } = await reconnect("KRAKEN", { immediateRedirect: true }, "framed=1");
    await visitor.submit({ login: "wrong-password" });
    expect(visitor.messages()).toMatchObject([{ status: "ERROR", errorCode: "1066", statusCode: "403" }]);
    expect(visitor.html).not.toContain("Return to");
    await visitor.follow("Try again");
    await visitor.submit({ login: "good" });
    expect(visitor.left).toBeNull();
    expect(visitor.messages()).toEqual([{ status: "SUCCESS", authorizationId: id }]);
    expect(visitor.html).toMatch(/data-say="CLOSE_MODAL">Done/);
  });

  test("messages take the configured form", async () => {
    const forms: [object, (id: string) => unknown[]][] = [
      [{ messages: "string" }, (id) => [`SUCCESS:${id}`]],
      [{ messages: "both" }, (id) => [{ status: "SUCCESS", authorizationId: id }, `SUCCESS:${id}`]],
      [{ messages: "object", omitAuthorizationId: true }, () => [{ status: "SUCCESS" }]],
    ];
    for (const [settings, expected] of forms) {
      await world.control(`/users/${user.userId}/settings`, settings);
      const { id, visitor } = await reconnect("KRAKEN", {}, "framed=1");
      await visitor.submit({ login: "good" });
      expect(visitor.messages()).toEqual(expected(id));
    }
    await world.control(`/users/${user.userId}/settings`, { messages: "both", statusCodeAs: "number" });
    const { visitor } = await reconnect("KRAKEN", {}, "framed=1");
    await visitor.submit({ login: "unreachable" });
    expect(visitor.messages()).toMatchObject([{ statusCode: 500 }, "ERROR:500"]);
  });

  test("an OAuth brokerage opens in its own window", async () => {
    const { id, visitor } = await reconnect("QUESTRADE", {}, "framed=1");
    expect(visitor.html).toContain("Your browser blocked the window");
    const path = /data-oauth="([^"]+)"/.exec(visitor.html)?.[1] ?? "";
    const popup = await new Visitor().open(path);
    await popup.submit({ login: "good" });
    expect(popup.html).toContain("You can close this window");
    expect(await world.detail(user, id)).toMatchObject({ disabled: false });
  });
});

describe("the link", () => {
  test("works once", async () => {
    const link = await world.loginLink(user, { customRedirect: back });
    expect((await new Visitor().open(link)).html).toContain("Choose your brokerage");
    const second = await new Visitor().open(link);
    expect(second.html).toContain("This sign-in page has expired");
    expect(second.messages()).toMatchObject([{ status: "ERROR", errorCode: "1006" }]);
    await second.follow("Return to Reconnect");
    expect(parameters(second)).toEqual({ status: "ERROR", status_code: "400", error_code: "1006" });
  });

  test("works for five minutes on the user's clock, which request signing ignores", async () => {
    const link = await world.loginLink(user);
    await world.control(`/users/${user.userId}/advance`, { seconds: 301 });
    expect((await new Visitor().open(link)).status).toBe(400);
    const fresh = await world.loginLink(user);
    await world.control(`/users/${user.userId}/advance`, { seconds: 290 });
    expect((await new Visitor().open(fresh)).status).toBe(200);
  });

  test("allows its session only one success", async () => {
    const { id, visitor } = await reconnect("KRAKEN");
    const form = visitor.html;
    await visitor.submit({ login: "good" });
    await world.control(`/users/${user.userId}/connections/${id}/break`, {});
    visitor.html = form;
    await visitor.submit({ login: "good" });
    expect(visitor.html).toContain("This sign-in page has expired");
    expect(await world.detail(user, id)).toMatchObject({ disabled: true });
  });

  test("is refused when made up", async () => {
    expect(
      (await new Visitor().open(`${world.emulator.portalUrl}/snapTrade/redeemToken?token=x`)).status,
    ).toBe(400);
    expect((await new Visitor().open(`${world.emulator.portalUrl}/portal/s/nothing`)).status).toBe(400);
  });
});

describe("sites", () => {
  test("the portal, the API, and the brokerages are three sites to a browser, and each serves only its own pages", async () => {
    const { url, portalUrl, brokerageUrl } = world.emulator;
    expect(new Set([url, portalUrl, brokerageUrl].map((site) => new URL(site).hostname)).size).toBe(3);
    const { visitor } = await reconnect("QUESTRADE");
    await visitor.follow("Continue to Questrade");
    await visitor.submit({ login: "wrong-password" });
    expect(visitor.sites).toEqual(["127.0.0.1", "brokerage.localhost", "127.0.0.1"]);
    for (const place of [
      `${portalUrl}/control`,
      `${portalUrl}/`,
      `${url}/portal/s/x`,
      `${brokerageUrl}/portal/s/x`,
      `${brokerageUrl}/mailbox`,
    ]) {
      expect((await new Visitor().open(place)).status).toBe(404);
    }
  });

  test("the login link can lead straight to the brokerage's site and back through the portal", async () => {
    await world.control(`/users/${user.userId}/settings`, { oauthRedirect: "third-origin" });
    const { id, visitor } = await reconnect("QUESTRADE", { immediateRedirect: true });
    expect(visitor.html).toContain("Sign in at Questrade");
    expect(visitor.sites).toEqual(["127.0.0.1", "brokerage.localhost"]);
    await visitor.submit({ login: "good" });
    expect(visitor.left?.href).toBe(`${back}?status=SUCCESS&connection_id=${id}`);
  });
});
