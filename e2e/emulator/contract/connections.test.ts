import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestEmulator } from "../testing";

let world: Awaited<ReturnType<typeof startTestEmulator>>;
beforeAll(async () => {
  world = await startTestEmulator();
});
afterAll(() => world.emulator.close());

describe("connections", () => {
  test("are listed and read only by their owner", async () => {
    const [owner, other] = [await world.newUser(), await world.newUser()];
    const authorizationId = await world.newConnection(owner, "QUESTRADE", { type: "trade" });
    const { data } = await world.client.connections.listBrokerageAuthorizations(owner);
    expect(data).toMatchObject([
      {
        id: authorizationId,
        type: "trade",
        disabled: false,
        disabled_date: null,
        brokerage: { slug: "QUESTRADE" },
      },
    ]);
    const foreign = await world.client.connections.detailBrokerageAuthorization({
      ...other,
      authorizationId,
    });
    expect(foreign).toMatchObject({ status: 404, data: { code: "1011" } });
  });

  test("can be disabled through the API once, and keep serving their accounts", async () => {
    const user = await world.newUser();
    const authorizationId = await world.newConnection(user, "SCHWAB");
    const { connections } = world.client;
    const before = (await connections.listBrokerageAuthorizationAccounts({ ...user, authorizationId })).data;
    expect((await connections.disableBrokerageAuthorization({ ...user, authorizationId })).status).toBe(200);
    const { disabled, disabled_date } = await world.detail(user, authorizationId);
    expect(disabled).toBe(true);
    expect(Date.parse(String(disabled_date))).toBeGreaterThan(Date.now() - 5000);
    expect(await connections.disableBrokerageAuthorization({ ...user, authorizationId })).toMatchObject({
      status: 402,
      data: { code: "3011" },
    });
    expect(await connections.refreshBrokerageAuthorization({ ...user, authorizationId })).toMatchObject({
      status: 402,
      data: { code: "3003" },
    });
    expect(
      await connections.syncBrokerageAuthorizationTransactions({ ...user, authorizationId }),
    ).toMatchObject({ status: 402 });
    expect((await connections.listBrokerageAuthorizationAccounts({ ...user, authorizationId })).data).toEqual(
      before,
    );
    expect(await world.eventTypes(user)).toContain("CONNECTION_BROKEN");
  });

  test("refresh at most once a minute, with an event for each account", async () => {
    const user = await world.newUser();
    const accounts = [
      { name: "TFSA", number: "…1111" },
      { name: "RRSP", number: "…2222" },
    ];
    const authorizationId = await world.newConnection(user, "QUESTRADE", { accounts });
    const refresh = () =>
      world.client.connections.refreshBrokerageAuthorization({ ...user, authorizationId });
    expect((await refresh()).status).toBe(200);
    expect(await refresh()).toMatchObject({ status: 429, data: { code: "throttled" } });
    expect((await world.eventTypes(user)).filter((type) => type === "ACCOUNT_HOLDINGS_UPDATED")).toHaveLength(
      2,
    );
    await world.control(`/users/${user.userId}/advance`, { seconds: 61 });
    expect((await refresh()).status).toBe(200);
  });

  test("stay listed until their queued deletion runs", async () => {
    const user = await world.newUser();
    const connectionId = await world.newConnection(user, "KRAKEN");
    const { data } = await world.client.connections.deleteConnection({ ...user, connectionId });
    expect(data).toMatchObject({ connection_id: connectionId });
    expect((await world.client.connections.listBrokerageAuthorizations(user)).data).toHaveLength(1);
    expect(await world.eventTypes(user)).not.toContain("CONNECTION_DELETED");
    await world.control(`/users/${user.userId}/advance`, { seconds: 4 });
    expect((await world.client.connections.listBrokerageAuthorizations(user)).data).toEqual([]);
    expect(await world.eventTypes(user)).toContain("CONNECTION_DELETED");
  });

  test("are gone at once when deleted through the retired endpoint", async () => {
    const user = await world.newUser();
    const authorizationId = await world.newConnection(user, "KRAKEN");
    const removed = await world.client.connections.removeBrokerageAuthorization({ ...user, authorizationId });
    expect(removed).toMatchObject({ status: 204, data: "" });
    expect((await world.client.connections.listBrokerageAuthorizations(user)).data).toEqual([]);
    const again = await world.client.connections.removeBrokerageAuthorization({ ...user, authorizationId });
    expect(again.status).toBe(404);
  });

  test("that are shared are listed, but not found by refresh, disable, or sync", async () => {
    const user = await world.newUser();
    const authorizationId = await world.newConnection(user, "KRAKEN", { shared: true });
    const { connections } = world.client;
    const parameters = { ...user, authorizationId };
    expect((await connections.detailBrokerageAuthorization(parameters)).status).toBe(200);
    expect((await connections.refreshBrokerageAuthorization(parameters)).status).toBe(404);
    expect((await connections.disableBrokerageAuthorization(parameters)).status).toBe(404);
    expect((await connections.syncBrokerageAuthorizationTransactions(parameters)).status).toBe(404);
  });

  test("created as disabled show when they broke, with older data", async () => {
    const user = await world.newUser();
    const disabledDate = "2026-11-01T10:00:00.000Z";
    const authorizationId = await world.newConnection(user, "VANGUARD", { disabledDate });
    const { disabled, disabled_date, created_date } = await world.detail(user, authorizationId);
    expect(disabled).toBe(true);
    expect(String(disabled_date)).toMatch(/-05:00$/);
    expect(Date.parse(String(disabled_date))).toBe(Date.parse(disabledDate));
    expect(Date.parse(String(created_date))).toBeLessThan(Date.parse(disabledDate));
    const { data } = await world.client.accountInformation.listUserAccounts(user);
    const synced = data[0]?.sync_status.holdings?.last_successful_sync ?? "";
    expect(synced).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}\+00:00$/);
    expect(Date.parse(synced.replace(" ", "T"))).toBeLessThan(Date.parse(disabledDate));
  });

  test("report data_freshness_mode in the configured form", async () => {
    const user = await world.newUser();
    const authorizationId = await world.newConnection(user, "KRAKEN");
    expect((await world.detail(user, authorizationId)).data_freshness_mode).toBe("delayed");
    await world.control(`/users/${user.userId}/settings`, { dataFreshness: "object" });
    expect((await world.detail(user, authorizationId)).data_freshness_mode).toEqual({
      institution: "realtime",
      snaptrade: "delayed",
    });
  });
});
