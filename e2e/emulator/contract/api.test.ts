import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { canonicalRequest, sign } from "../webhooks/signature";
import { createClient, startTestEmulator } from "../testing";

let world: Awaited<ReturnType<typeof startTestEmulator>>;
beforeAll(async () => {
  world = await startTestEmulator();
});
afterAll(() => world.emulator.close());

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const unknownId = "00000000-0000-4000-8000-000000000000";

describe("signing", () => {
  async function call(target: string, signature?: string) {
    const headers: Record<string, string> = signature === undefined ? {} : { Signature: signature };
    const answer = await fetch(world.emulator.url + target, { headers });
    return { status: answer.status, headers: answer.headers, body: (await answer.json()) as unknown };
  }
  const now = () => Math.round(Date.now() / 1000);
  const signatureOf = (target: string) => sign(world.emulator.consumerKey, canonicalRequest(target, ""));
  const listUsers = (timestamp: number | string, clientId = world.emulator.clientId) =>
    `/snapTrade/listUsers?clientId=${clientId}&timestamp=${timestamp}`;

  test("the status endpoint needs no signature", async () => {
    expect(await call("/")).toMatchObject({ status: 200, body: { online: true } });
  });

  test("a request without a client id and a timestamp is refused", async () => {
    expect(await call("/snapTrade/listUsers")).toMatchObject({
      status: 401,
      body: { status_code: 401, code: "0000" },
    });
  });

  test("an unknown client id is refused", async () => {
    const target = listUsers(now(), "SOMEBODY");
    expect(await call(target, signatureOf(target))).toMatchObject({
      status: 401,
      body: { detail: "Invalid clientId provided" },
    });
  });

  test.each([() => now() - 301, () => now() + 302, () => Date.now(), () => "soon"])(
    "a wrong timestamp is refused",
    async (time) => {
      const target = listUsers(time());
      expect(await call(target, signatureOf(target))).toMatchObject({
        status: 401,
        body: { detail: "Invalid timestamp" },
      });
    },
  );

  test("a wrong or missing signature is refused with 1076, even for reference data", async () => {
    const refusal = {
      status: 401,
      body: { detail: "Unable to verify signature sent", status_code: 401, code: "1076" },
    };
    expect(await call(listUsers(now()))).toMatchObject(refusal);
    const target = `/brokerages?clientId=${world.emulator.clientId}&timestamp=${now()}`;
    expect(await call(target, "AAAA")).toMatchObject(refusal);
  });

  test("the old /api/v1 prefix works when it is part of the signed path, and is marked deprecated", async () => {
    const target = `/api/v1${listUsers(now())}`;
    const answer = await call(target, signatureOf(target));
    expect(answer.status).toBe(200);
    expect(answer.headers.get("Deprecation")).toBe("@1781222400");
    const unsignedPrefix = await call(target, signatureOf(listUsers(now())));
    expect(unsignedPrefix.status).toBe(401);
  });

  test("every answer carries a request id, the rate limit, and the time", async () => {
    for (const target of ["/", "/snapTrade/listUsers", "/nothing"]) {
      const { headers } = await call(target);
      expect(headers.get("X-Request-ID")).toMatch(/^[0-9a-f]{32}$/);
      expect(headers.get("X-RateLimit-Limit")).toBe("250");
      expect(Number(headers.get("X-RateLimit-Remaining"))).toBeLessThanOrEqual(250);
      expect(Number(headers.get("X-RateLimit-Reset"))).toBeGreaterThan(0);
      expect(Date.parse(headers.get("Date") ?? "")).toBeGreaterThan(Date.now() - 5000);
    }
  });
});

describe("users", () => {
  test("are registered once and listed", async () => {
    const user = await world.newUser();
    expect(user.userSecret).toMatch(uuid);
    const again = await world.client.authentication.registerSnapTradeUser({ userId: user.userId });
    expect(again).toMatchObject({ status: 400, data: { code: "1010", status_code: 400 } });
    const { data } = await world.client.authentication.listSnapTradeUsers();
    expect(data).toContain(user.userId);
  });

  test("get a new secret on reset, and the old one stops working", async () => {
    const user = await world.newUser();
    const { data } = await world.client.authentication.resetSnapTradeUserSecret(user);
    expect(data.userSecret).not.toBe(user.userSecret);
    expect(await world.client.connections.listBrokerageAuthorizations(user)).toMatchObject({
      status: 401,
      data: { code: "1083" },
    });
    const renewed = { userId: user.userId, userSecret: data.userSecret ?? "" };
    expect((await world.client.connections.listBrokerageAuthorizations(renewed)).status).toBe(200);
  });

  test("are gone some time after their deletion, with an event", async () => {
    const user = await world.newUser();
    const { data } = await world.client.authentication.deleteSnapTradeUser({ userId: user.userId });
    expect(data).toMatchObject({ status: "deleted", userId: user.userId });
    expect((await world.client.authentication.registerSnapTradeUser({ userId: user.userId })).status).toBe(
      400,
    );
    await world.control(`/users/${user.userId}/advance`, { seconds: 4 });
    expect((await world.client.authentication.listSnapTradeUsers()).data).not.toContain(user.userId);
    expect(await world.eventTypes(user)).toEqual(["USER_REGISTERED", "USER_DELETED"]);
  });

  test("get a specific error when the secret is missing", async () => {
    const answer = await world.client.connections.listBrokerageAuthorizations({ userId: "", userSecret: "" });
    expect(answer).toMatchObject({ status: 401, data: { code: "0000" } });
  });
});

describe("login", () => {
  test("returns a link of the documented shape and keeps the body", async () => {
    const user = await world.newUser();
    const wanted = { broker: "ROBINHOOD", darkMode: true, customRedirect: "https://app.example.com/back" };
    const { data } = await world.client.authentication.loginSnapTradeUser({ ...user, ...wanted });
    if (!("redirectURI" in data)) throw new Error("Expected a link.");
    const link = new URL(data.redirectURI ?? "");
    expect(link.origin + link.pathname).toBe(`${world.emulator.portalUrl}/snapTrade/redeemToken`);
    expect(Object.fromEntries(link.searchParams)).toMatchObject({
      clientId: world.emulator.clientId,
      broker: "ROBINHOOD",
      connectionPortalVersion: "v4",
      sessionId: data.sessionId,
      darkMode: "true",
    });
    expect(await world.control(`/sessions/${data.sessionId}`)).toMatchObject({
      redeemed: false,
      body: wanted,
    });
  });

  test.each([
    { broker: "NO-SUCH" },
    { reconnect: unknownId },
    { connectionType: "everything" },
    { customRedirect: "javascript:alert(1)" },
  ])("refuses %o with 1012", async (wanted) => {
    const user = await world.newUser();
    const parameters = { ...user, ...wanted } as Parameters<
      typeof world.client.authentication.loginSnapTradeUser
    >[0];
    const answer = await world.client.authentication.loginSnapTradeUser(parameters);
    expect(answer).toMatchObject({ status: 400, data: { code: "1012" } });
  });

  test("refuses another user's connection, with code 1011 when configured", async () => {
    const [owner, other] = [await world.newUser(), await world.newUser()];
    const reconnect = await world.newConnection(owner, "QUESTRADE", { disabled: true });
    await world.control(`/users/${other.userId}/settings`, { reconnectUnknown: "1011" });
    const answer = await world.client.authentication.loginSnapTradeUser({ ...other, reconnect });
    expect(answer).toMatchObject({ status: 404, data: { code: "1011" } });
  });
});

describe("reference data", () => {
  test("lists brokerages with their sign-in type", async () => {
    const { data } = await world.client.referenceData.listAllBrokerages();
    expect(data.length).toBeGreaterThanOrEqual(20);
    const types = await world.client.referenceData.listAllBrokerageAuthorizationType({
      brokerage: "QUESTRADE,ALPACA",
    });
    expect(types.data.map(({ brokerage, type, auth_type }) => [brokerage?.slug, type, auth_type])).toEqual([
      ["QUESTRADE", "read", "OAUTH"],
      ["ALPACA", "read", "OAUTH"],
      ["ALPACA", "trade", "OAUTH"],
    ]);
  });

  test("shows the partner and its brokerages", async () => {
    const { data } = await world.client.referenceData.getPartnerInfo();
    expect(data).toMatchObject({ slug: world.emulator.clientId, redirect_uri: null });
  });

  test("can mark maintenance for one user only", async () => {
    const [one, other] = [await world.newUser(), await world.newUser()];
    const ids = [
      await world.newConnection(one, "TRADIER"),
      await world.newConnection(other, "TRADIER"),
    ] as const;
    await world.control("/brokerages/TRADIER", { maintenance_mode: true, forUser: one.userId });
    expect(await world.detail(one, ids[0])).toMatchObject({ brokerage: { maintenance_mode: true } });
    expect(await world.detail(other, ids[1])).toMatchObject({ brokerage: { maintenance_mode: false } });
  });
});

test("a client with the wrong key is refused", async () => {
  const stranger = createClient({ ...world.emulator, consumerKey: "another key" });
  expect(await stranger.referenceData.getPartnerInfo()).toMatchObject({
    status: 401,
    data: { code: "1076" },
  });
});
