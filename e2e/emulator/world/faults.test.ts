import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestEmulator } from "../testing";

let world: Awaited<ReturnType<typeof startTestEmulator>>;
beforeAll(async () => {
  world = await startTestEmulator();
});
afterAll(() => world.emulator.close());

test("a fault affects only its user and endpoint, for the given number of requests", async () => {
  const [hit, spared] = [await world.newUser(), await world.newUser()];
  await world.control(`/users/${hit.userId}/faults`, {
    endpoint: "list",
    kind: "status",
    status: 503,
    code: "3002",
    times: 2,
  });
  const list = async (user: typeof hit) =>
    (await world.client.connections.listBrokerageAuthorizations(user)).status;
  expect(await list(spared)).toBe(200);
  expect((await world.client.accountInformation.listUserAccounts(hit)).status).toBe(200);
  expect([await list(hit), await list(hit), await list(hit)]).toEqual([503, 503, 200]);
});

test("answers can be a gateway's HTML, malformed, an empty list, or rate limited", async () => {
  const user = await world.newUser();
  await world.newConnection(user, "KRAKEN");
  const next = async (kind: string) => {
    await world.control(`/users/${user.userId}/faults`, { endpoint: "list", kind, times: 1 });
    return world.client.connections.listBrokerageAuthorizations(user);
  };
  const html = await next("html502");
  expect([html.status, html.headers["content-type"]]).toEqual([502, "text/html"]);
  expect((await next("malformed")).data).not.toBeInstanceOf(Array);
  expect((await next("empty_list")).data).toEqual([]);
  const limited = await next("rate_limited");
  expect(limited).toMatchObject({
    status: 429,
    data: { detail: "Request was throttled. Expected available in 7 seconds.", code: "0000" },
    headers: { "x-ratelimit-reset": "7", "retry-after": "7" },
  });
});

test("a dropped connection resets, and a hanging one times out", async () => {
  const user = await world.newUser();
  await world.control(`/users/${user.userId}/faults`, { endpoint: "list", kind: "reset", times: 1 });
  await expect(world.client.connections.listBrokerageAuthorizations(user)).rejects.toMatchObject({
    code: "ECONNRESET",
  });
  await world.control(`/users/${user.userId}/faults`, { endpoint: "list", kind: "hang", times: 1 });
  await expect(
    world.client.connections.listBrokerageAuthorizations(user, { timeout: 100 }),
  ).rejects.toMatchObject({ code: "ECONNABORTED" });
  expect((await world.client.connections.listBrokerageAuthorizations(user)).status).toBe(200);
});

test("a delay holds the answer back", async () => {
  const user = await world.newUser();
  await world.control(`/users/${user.userId}/faults`, { endpoint: "login", kind: "delay", delayMs: 150 });
  const started = performance.now();
  expect((await world.client.authentication.loginSnapTradeUser(user)).status).toBe(200);
  expect(performance.now() - started).toBeGreaterThanOrEqual(140);
});

test("a user can be registered although the answer is lost", async () => {
  await world.control("/faults", { endpoint: "register", kind: "reset", after: true, times: 1 });
  await expect(world.client.authentication.registerSnapTradeUser({ userId: "lost" })).rejects.toThrow();
  const again = await world.client.authentication.registerSnapTradeUser({ userId: "lost" });
  expect(again).toMatchObject({ status: 400, data: { code: "1010" } });
});

test("faults can be removed", async () => {
  const user = await world.newUser();
  await world.control(`/users/${user.userId}/faults`, { endpoint: "*", kind: "status" });
  expect((await world.client.connections.listBrokerageAuthorizations(user)).status).toBe(500);
  await world.control(`/users/${user.userId}/faults`, undefined, "DELETE");
  expect((await world.client.connections.listBrokerageAuthorizations(user)).status).toBe(200);
});

test("misspelled faults and settings are refused", async () => {
  const user = await world.newUser();
  await expect(world.control("/faults", { endpoint: "lists", kind: "hang" })).rejects.toThrow("400");
  await expect(world.control(`/users/${user.userId}/settings`, { message: "both" })).rejects.toThrow("400");
});

test("the rate limit covers a rolling minute, for everyone or for one user", async () => {
  const own = await startTestEmulator();
  const user = await own.newUser();
  const list = () => own.client.connections.listBrokerageAuthorizations(user);
  await own.control("/settings", { rateLimit: 3 });
  expect((await list()).headers["x-ratelimit-remaining"]).toBe("1");
  expect((await list()).headers["x-ratelimit-remaining"]).toBe("0");
  const refused = await list();
  expect(refused).toMatchObject({ status: 429, data: { status_code: 429, code: "0000" } });
  expect(Number(refused.headers["x-ratelimit-reset"])).toBeLessThanOrEqual(60);
  await own.control("/settings", { rateLimit: 250 });
  await own.control(`/users/${user.userId}/settings`, { rateLimit: 1 });
  expect([(await list()).status, (await list()).status]).toEqual([200, 429]);
  await own.control(`/users/${user.userId}/advance`, { seconds: 61 });
  expect((await list()).status).toBe(200);
  await own.emulator.close();
});
