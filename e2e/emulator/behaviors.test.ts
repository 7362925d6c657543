import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Json, startTestEmulator, type TestUser, Visitor } from "./testing";

let world: Awaited<ReturnType<typeof startTestEmulator>>;
beforeAll(async () => {
  world = await startTestEmulator();
});
afterAll(() => world.emulator.close());

const set = (user: TestUser, settings: Json) => world.control(`/users/${user.userId}/settings`, settings);
const fault = (user: TestUser, wanted: Json) =>
  world.control(`/users/${user.userId}/faults`, { times: 1, ...wanted });
const advance = (user: TestUser, seconds: number) =>
  world.control(`/users/${user.userId}/advance`, { seconds });
const list = async (user: TestUser) =>
  (await world.client.connections.listBrokerageAuthorizations(user)).data as Json[];
const act = (user: TestUser, id: string, verb: string) =>
  world.control(`/users/${user.userId}/connections/${id}/${verb}`, {});

describe("answers", () => {
  test("can drip: headers at once, then the body byte by byte, never idle for long", async () => {
    const user = await world.newUser();
    await fault(user, { endpoint: "list", kind: "drip", delayMs: 20 });
    const started = performance.now();
    const answer = await world.client.connections.listBrokerageAuthorizations(user, {
      responseType: "stream",
      timeout: 1_000,
    });
    const head = performance.now() - started;
    let body = "";
    for await (const chunk of answer.data as unknown as AsyncIterable<Buffer>) body += chunk.toString();
    expect(answer.status).toBe(200);
    expect(body).toBe("[]");
    expect(performance.now() - started - head).toBeGreaterThanOrEqual(20);
  });

  test.each(["delivery", "computation"])(
    "can be overtaken by later changes, with the time of %s as their Date",
    async (dated) => {
      const user = await world.newUser();
      const id = await world.newConnection(user, "KRAKEN");
      await fault(user, { endpoint: "detail", kind: "overtaken", delayMs: 1_500, dated });
      const asked = Date.now();
      const slow = world.client.connections.detailBrokerageAuthorization({ ...user, authorizationId: id });
      const taken = () =>
        world.control<{ faults: unknown[] }>(`/users/${user.userId}`).then(({ faults }) => faults.length);
      await expect.poll(taken).toBe(0);
      await act(user, id, "break");
      const answer = await slow;
      expect(answer.data.disabled).toBe(false);
      expect((await world.detail(user, id)).disabled).toBe(true);
      const late = Date.parse(String(answer.headers.date)) >= asked + 500;
      expect(late).toBe(dated === "delivery");
    },
  );

  test("can lag behind webhooks: the event says fixed while a read still says disabled", async () => {
    const user = await world.newUser();
    const id = await world.newConnection(user, "KRAKEN", { disabled: true });
    await advance(user, 60);
    await set(user, { readLagSeconds: 20 });
    await act(user, id, "fix");
    expect(await world.eventTypes(user)).toContain("CONNECTION_FIXED");
    expect(await list(user)).toMatchObject([{ id, disabled: true }]);
    expect((await world.detail(user, id)).disabled).toBe(true);
    await advance(user, 21);
    expect(await list(user)).toMatchObject([{ id, disabled: false }]);
    expect((await world.detail(user, id)).disabled).toBe(false);
  });

  test("can lag in the list alone: it still shows what the detail no longer has, and misses what the detail already has", async () => {
    const user = await world.newUser();
    const old = await world.newConnection(user, "KRAKEN");
    await advance(user, 60);
    await set(user, { listLagSeconds: 30 });
    await act(user, old, "delete");
    const young = await world.newConnection(user, "VANGUARD");
    expect(await list(user)).toMatchObject([{ id: old }]);
    expect(
      (await world.client.connections.detailBrokerageAuthorization({ ...user, authorizationId: old })).status,
    ).toBe(404);
    expect((await world.detail(user, young)).id).toBe(young);
    await advance(user, 31);
    expect(await list(user)).toMatchObject([{ id: young }]);
  });

  test("can start with unreadable items", async () => {
    const user = await world.newUser();
    const id = await world.newConnection(user, "KRAKEN");
    await set(user, {
      oddItems: [
        "unknown-type",
        "empty-created-date",
        "null-slug",
        "id-without-version",
        "missing-disabled",
        "no-brokerage",
        "not-an-object",
      ],
    });
    const [type, created, slug, version, disabled, brokerage, text, usual] = await list(user);
    expect([type?.type, created?.created_date, slug?.brokerage]).toMatchObject([
      "advise",
      "",
      { slug: null },
    ]);
    expect(version?.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-c[0-9a-f]{3}-[0-9a-f]{12}$/);
    expect([disabled && "disabled" in disabled, brokerage?.brokerage, text, usual?.id]).toEqual([
      false,
      null,
      "not an object",
      id,
    ]);
    expect((await world.detail(user, String(version?.id))).id).toBe(version?.id);
  });

  test("can contain a connection with any id, including the specification's own example", async () => {
    const user = await world.newUser();
    const id = "0b3ebefb-ed47-43df-cd8f-729a4420b5cf";
    expect(await world.newConnection(user, "KRAKEN", { id })).toBe(id);
    expect((await world.detail(user, id)).id).toBe(id);
  });

  test.each(["0000", "1083"])("can refuse chosen calls with 401/%s while others succeed", async (code) => {
    const user = await world.newUser();
    await fault(user, { endpoint: "list", kind: "status", status: 401, code });
    expect(await world.client.connections.listBrokerageAuthorizations(user)).toMatchObject({
      status: 401,
      data: { code },
    });
    expect((await world.client.accountInformation.listUserAccounts(user)).status).toBe(200);
  });
});

describe("the rate limit", () => {
  const limited = async (user: TestUser, forms: Json) => {
    await set(user, forms);
    await fault(user, { endpoint: "list", kind: "rate_limited", retryAfterSeconds: 9 });
    const { status, headers } = await world.client.connections.listBrokerageAuthorizations(user);
    const [limit, remaining, reset] = ["limit", "remaining", "reset"].map(
      (name) => headers[`x-ratelimit-${name}`] as string | undefined,
    );
    return { status, limit, remaining, reset, retryAfter: headers["retry-after"] as string | undefined };
  };

  test("can be enforced without any headers", async () => {
    const answer = await limited(await world.newUser(), { rateLimitHeaders: "none", retryAfter: "none" });
    expect(answer).toEqual({
      status: 429,
      limit: undefined,
      remaining: undefined,
      reset: undefined,
      retryAfter: undefined,
    });
  });

  test("can send Retry-After as a date", async () => {
    const { retryAfter, reset } = await limited(await world.newUser(), { retryAfter: "date" });
    expect(retryAfter).toMatch(/GMT$/);
    expect(Math.abs(Date.parse(retryAfter ?? "") - Date.now() - 9_000)).toBeLessThan(3_000);
    expect(reset).toBe("9");
  });

  test("can be described with odd header values", async () => {
    const user = await world.newUser();
    expect(await limited(user, { rateLimitHeaders: "zero-limit" })).toMatchObject({
      limit: "0",
      remaining: "0",
    });
    expect(await limited(user, { rateLimitHeaders: "one-remaining" })).toMatchObject({
      limit: "250",
      remaining: "1",
    });
    expect(await limited(user, { rateLimitHeaders: "negative" })).toMatchObject({
      limit: "-1",
      remaining: "-1",
      reset: "-1",
    });
    expect(await limited(user, { rateLimitHeaders: "words" })).toMatchObject({
      limit: "unlimited",
      reset: "soon",
    });
    const { reset } = await limited(user, { rateLimitHeaders: "unix-reset" });
    expect(Math.abs(Number(reset) - Date.now() / 1000 - 9)).toBeLessThan(3);
  });
});

test.each([-180, 180])(
  "SnapTrade's clock can be off by %i seconds while it still accepts requests with the correct time",
  async (clockSkewSeconds) => {
    const own = await startTestEmulator();
    await own.control("/settings", { clockSkewSeconds });
    const user = await own.newUser();
    const id = await own.newConnection(user, "KRAKEN", { disabled: true });
    const answer = await own.client.connections.detailBrokerageAuthorization({
      ...user,
      authorizationId: id,
    });
    const events = await own.control<{ eventTimestamp: string }[]>(`/events?userId=${user.userId}`);
    const times = [answer.headers.date, answer.data.disabled_date, events[0]?.eventTimestamp];
    for (const time of times)
      expect(Math.abs(Date.parse(String(time)) - Date.now() - clockSkewSeconds * 1000)).toBeLessThan(5_000);
    await own.control("/settings", { clockSkewSeconds: clockSkewSeconds * 4 });
    expect((await own.client.connections.listBrokerageAuthorizations(user)).status).toBe(200);
    await own.emulator.close();
  },
);

describe("deletions", () => {
  test("of a connection can be carried out while their answer is lost", async () => {
    const user = await world.newUser();
    const connectionId = await world.newConnection(user, "KRAKEN");
    await set(user, { removal: "lost-answer" });
    await expect(world.client.connections.deleteConnection({ ...user, connectionId })).rejects.toMatchObject({
      code: "ECONNRESET",
    });
    await advance(user, 4);
    expect(await list(user)).toEqual([]);
  });

  test("of a connection can be accepted and then forgotten until requested again", async () => {
    const user = await world.newUser();
    const connectionId = await world.newConnection(user, "KRAKEN");
    await set(user, { removal: "lost-job" });
    expect((await world.client.connections.deleteConnection({ ...user, connectionId })).status).toBe(200);
    await advance(user, 86_400);
    expect(await list(user)).toHaveLength(1);
    await set(user, { removal: "normal" });
    await world.client.connections.deleteConnection({ ...user, connectionId });
    await advance(user, 4);
    expect(await list(user)).toEqual([]);
  });

  test("of a user can happen without an event, or be accepted and never happen", async () => {
    const [silent, forgotten] = [await world.newUser(), await world.newUser()];
    await set(silent, { userDeletion: "lost-event" });
    await set(forgotten, { userDeletion: "lost-job" });
    for (const { userId } of [silent, forgotten]) {
      expect((await world.client.authentication.deleteSnapTradeUser({ userId })).status).toBe(200);
      await world.control(`/users/${userId}/advance`, { seconds: 4 });
    }
    expect(await world.eventTypes(silent)).toEqual(["USER_REGISTERED"]);
    const { data } = await world.client.authentication.listSnapTradeUsers();
    expect(data).toContain(forgotten.userId);
    expect(data).not.toContain(silent.userId);
    expect((await world.client.authentication.deleteSnapTradeUser({ userId: silent.userId })).status).toBe(
      404,
    );
  });
});

describe("the portal", () => {
  test("can refuse twice, then succeed, within one session", async () => {
    const user = await world.newUser();
    const id = await world.newConnection(user, "VANGUARD", { disabled: true });
    const portal = await new Visitor().open(await world.loginLink(user, { reconnect: id }));
    await portal.open("?framed=1");
    const said: unknown[] = [];
    for (let attempt = 0; attempt < 3; attempt++) {
      await portal.submit({ login: "third-time" });
      said.push(...portal.messages());
      if (attempt < 2) await portal.follow("Try again");
    }
    expect(said).toMatchObject([
      { status: "ERROR" },
      { status: "ERROR" },
      { status: "SUCCESS", authorizationId: id },
    ]);
    expect((await world.detail(user, id)).disabled).toBe(false);
  });

  test("can file a new connection under a sibling of the chosen brokerage", async () => {
    const user = await world.newUser();
    await set(user, { siblingBrokerage: "ALPACA" });
    const portal = await new Visitor().open(await world.loginLink(user, { broker: "VANGUARD" }));
    await portal.submit({ login: "good" });
    expect(await list(user)).toMatchObject([{ brokerage: { slug: "ALPACA" } }]);
  });
});
