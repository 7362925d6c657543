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

describe("reconnecting", () => {
  test("goes straight to the brokerage and keeps the id and the accounts", async () => {
    const { id, visitor } = await reconnect("VANGUARD");
    const { data: before } = await world.client.accountInformation.listUserAccounts(user);
    expect(visitor.html).toContain("Reconnect Vanguard US");
    await visitor.submit({ login: "good", password: "x" });
    expect(visitor.html).toContain("Reconnected");
    await visitor.follow("Done");
    expect(visitor.left?.href).toBe(`${back}?status=SUCCESS&connection_id=${id}`);
    expect(await world.detail(user, id)).toMatchObject({ disabled: false, disabled_date: null });
    const { data: after } = await world.client.accountInformation.listUserAccounts(user);
    expect(after.map((account) => account.id)).toEqual(before.map((account) => account.id));
    expect((await world.eventTypes(user)).slice(-2)).toEqual(["CONNECTION_ATTEMPTED", "CONNECTION_FIXED"]);
  });

  test.each([
    ["wrong-password", "403", "1066"],
    ["somebody", "403", "1066"],
    ["other-login", "400", "1023"],
    ["unreachable", "500", "3000"],
    ["no-permission", "403", "1140"],
    ["expired", "400", "1006"],
    ["unknown-code", "400", "9999"],
  ])("as %s returns at once with status %s and code %s", async (login, status_code, error_code) => {
    const { id, visitor } = await reconnect("KRAKEN", { immediateRedirect: true });
    await visitor.submit({ login });
    expect(parameters(visitor)).toEqual({ status: "ERROR", status_code, error_code });
    expect(await world.detail(user, id)).toMatchObject({ disabled: true });
    expect((await world.eventTypes(user)).slice(-2)).toEqual(["CONNECTION_ATTEMPTED", "CONNECTION_FAILED"]);
  });

  test("can be retried after an error", async () => {
    const { id, visitor } = await reconnect("KRAKEN");
    await visitor.submit({ login: "wrong-password" });
    await visitor.follow("Try again");
    await visitor.submit({ login: "good" });
    expect(await world.detail(user, id)).toMatchObject({ disabled: false });
    expect(visitor.messages()).toEqual([{ status: "SUCCESS", authorizationId: id }]);
  });

  test("returns with the error when the person gives up", async () => {
    const { visitor } = await reconnect("KRAKEN");
    await visitor.submit({ login: "unreachable" });
    await visitor.follow("Return to Reconnect");
    expect(parameters(visitor)).toEqual({ status: "ERROR", status_code: "500", error_code: "3000" });
  });

  test("asks for a code where the brokerage requires one", async () => {
    const { id, visitor } = await reconnect("ROBINHOOD");
    await visitor.submit({ login: "good" });
    await visitor.submit({ code: "000000" });
    expect(visitor.messages()).toMatchObject([{ errorCode: "1086", statusCode: "400" }]);
    await visitor.follow("Try again");
    await visitor.submit({ login: "good" });
    await visitor.submit({ code: "123456" });
    expect(await world.detail(user, id)).toMatchObject({ disabled: false });
  });

  test("goes through the brokerage's own page in the same tab outside a frame", async () => {
    const { id, visitor } = await reconnect("QUESTRADE", { immediateRedirect: true });
    await visitor.follow("Continue to Questrade");
    expect(visitor.html).toContain("Sign in at Questrade");
    await visitor.submit({ login: "good" });
    expect(parameters(visitor)).toEqual({ status: "SUCCESS", connection_id: id });
  });

  test("as liar reports success and changes nothing", async () => {
    const { id, visitor } = await reconnect("VANGUARD", { immediateRedirect: true });
    await visitor.submit({ login: "liar" });
    expect(parameters(visitor)).toEqual({ status: "SUCCESS", connection_id: id });
    expect(await world.detail(user, id)).toMatchObject({ disabled: true });
  });

  test("can hang forever", async () => {
    const { visitor } = await reconnect("VANGUARD");
    await visitor.submit({ login: "hang" });
    expect(visitor.html).toContain("Reconnecting…");
    expect(visitor.messages()).toEqual([]);
  });

  test("can take effect later than announced", async () => {
    await world.control(`/users/${user.userId}/settings`, { repairDelaySeconds: 30 });
    const { id, visitor } = await reconnect("VANGUARD");
    await visitor.submit({ login: "good" });
    expect(await world.detail(user, id)).toMatchObject({ disabled: true });
    await world.control(`/users/${user.userId}/advance`, { seconds: 31 });
    expect(await world.detail(user, id)).toMatchObject({ disabled: false });
  });

  test("keeps the access level unless another one is requested", async () => {
    const id = await world.newConnection(user, "KRAKEN", { disabled: true, type: "trade" });
    await (await visit({ reconnect: id })).submit({ login: "good" });
    expect(await world.detail(user, id)).toMatchObject({ type: "trade" });
    await (await visit({ reconnect: id, connectionType: "read" })).submit({ login: "good" });
    expect(await world.detail(user, id)).toMatchObject({ type: "read" });
    expect((await world.eventTypes(user)).at(-1)).toBe("CONNECTION_UPDATED");
  });

  test("ends with 1012 when the connection was deleted meanwhile", async () => {
    const { id, visitor } = await reconnect("KRAKEN", { immediateRedirect: true });
    await world.control(`/users/${user.userId}/connections/${id}/delete`, {});
    await visitor.submit({ login: "good" });
    expect(parameters(visitor)).toMatchObject({ status: "ERROR", error_code: "1012" });
  });
});

describe("connecting", () => {
  test("offers the brokerages and creates a connection at the chosen one", async () => {
    const visitor = await visit({ customRedirect: back });
    await visitor.follow("Vanguard US");
    await visitor.submit({ login: "good" });
    await visitor.follow("Done");
    const { data } = await world.client.connections.listBrokerageAuthorizations(user);
    expect(data).toMatchObject([{ disabled: false, type: "read", brokerage: { slug: "VANGUARD" } }]);
    expect(parameters(visitor)).toEqual({ status: "SUCCESS", connection_id: data[0]?.id });
    expect(await world.eventTypes(user)).toContain("CONNECTION_ADDED");
  });

  test("skips the list when the brokerage is given", async () => {
    expect((await visit({ broker: "KRAKEN" })).html).toContain("Connect Kraken");
  });

  test("with the same login returns the existing connection", async () => {
    const id = await world.newConnection(user, "KRAKEN", { disabled: true });
    const visitor = await visit({ broker: "KRAKEN" });
    await visitor.submit({ login: "same-login" });
    expect(visitor.messages()).toEqual([{ status: "SUCCESS", authorizationId: id }]);
    expect((await world.client.connections.listBrokerageAuthorizations(user)).data).toMatchObject([
      { id, disabled: false },
    ]);
  });

  test("falls back to read-only where trading isn't available", async () => {
    await (
      await visit({ broker: "VANGUARD", connectionType: "trade-if-available" })
    ).submit({ login: "good" });
    await (await visit({ broker: "KRAKEN", connectionType: "trade-if-available" })).submit({ login: "good" });
    const { data } = await world.client.connections.listBrokerageAuthorizations(user);
    expect(data.map(({ type }) => type)).toEqual(["read", "trade"]);
  });

  test("omits disabled brokerages", async () => {
    await world.control("/brokerages/DEGIRO", { enabled: false, forUser: user.userId });
    expect((await visit({})).html).not.toContain("Degiro");
    expect((await visit({ broker: "DEGIRO" })).html).toContain("not available");
  });
});

describe("a brokerage in trouble", () => {
  test("in maintenance refuses sign-ins", async () => {
    await world.control("/brokerages/KRAKEN", { maintenance_mode: true, forUser: user.userId });
    const { visitor } = await reconnect("KRAKEN");
    expect(visitor.html).toContain("under maintenance");
    expect(visitor.html).not.toContain("<form");
  });

  test("in maintenance can still allow repairs", async () => {
    await world.control("/brokerages/KRAKEN", { maintenance_mode: true, forUser: user.userId });
    await world.control(`/users/${user.userId}/settings`, { maintenanceBlocksReconnect: false });
    expect((await reconnect("KRAKEN")).visitor.html).toContain("<form");
    expect((await visit({ broker: "KRAKEN" })).html).toContain("under maintenance");
  });

  test("that is degraded can be tried anyway", async () => {
    await world.control("/brokerages/KRAKEN", { is_degraded: true, forUser: user.userId });
    const { id, visitor } = await reconnect("KRAKEN");
    expect(visitor.html).toContain("connectivity issue");
    await visitor.follow("Continue anyway");
    await visitor.submit({ login: "good" });
    expect(await world.detail(user, id)).toMatchObject({ disabled: false });
  });
});
