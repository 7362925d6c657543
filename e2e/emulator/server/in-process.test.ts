import { expect, test } from "vitest";
import { createApi } from "../api/app";
import { AnswerLost } from "../api/lost-answer";
import { findBrokerage } from "../world/brokerages";
import { addConnection, breakConnection } from "../world/connections";
import { addFault } from "../world/faults";
import type { PostedWebhook } from "../world/outside";
import { canonicalRequest, sign } from "../webhooks/signature";
import { World } from "../world/world";

const partner = { clientId: "ACME", consumerKey: "key", name: "Acme", redirectUri: null };
const start = Date.parse("2026-11-21T10:00:00Z");

/** A world without sockets or timers: time moves only when advanced, and randomness comes from a seed. */
function makeWorld(seed = 1) {
  let now = start;
  let state = seed;
  const due: { at: number; act: () => void }[] = [];
  const posted: (PostedWebhook & { url: string })[] = [];
  const world = new World(partner, {
    clock: () => now,
    random: () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647,
    after(ms, act) {
      const entry = { at: now + ms, act };
      due.push(entry);
      return () => void due.splice(due.indexOf(entry), 1);
    },
    post(url, webhook) {
      posted.push({ url, ...webhook });
      return Promise.resolve(204);
    },
  });
  world.deliveries.url = "https://app.example.com/hook";
  const api = createApi(world);

  function call(method: string, path: string, query: Record<string, string> = {}, signal?: AbortSignal) {
    const parameters = new URLSearchParams({
      clientId: "ACME",
      ...query,
      timestamp: String(Math.round(now / 1000)),
    });
    const target = `${path}?${parameters}`;
    const headers = { Signature: sign("key", canonicalRequest(target, "")) };
    return api.fetch(new Request(`https://snaptrade.invalid${target}`, { method, headers, signal }));
  }

  async function pass(ms: number) {
    const until = now + ms;
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      const next = due.filter(({ at }) => at <= until).sort((one, other) => one.at - other.at)[0];
      if (!next) break;
      due.splice(due.indexOf(next), 1);
      now = next.at;
      next.act();
    }
    now = until;
  }

  function makeUser() {
    const user = world.register("user-1");
    const brokerage = findBrokerage("KRAKEN");
    if (!brokerage) throw new Error("No such brokerage");
    const connection = addConnection(world, user, { brokerage });
    return { user, connection, query: { userId: user.userId, userSecret: user.userSecret } };
  }

  return { world, posted, call, pass, makeUser, waiting: () => due.length };
}

test("the API answers in-process, without a socket", async () => {
  const { call, makeUser } = makeWorld();
  const { connection, query } = makeUser();
  const answer = await call("GET", "/authorizations", query);
  expect(answer.headers.get("Date")).toBe("Sat, 21 Nov 2026 10:00:00 GMT");
  expect(await answer.json()).toMatchObject([
    { id: connection.id, created_date: "2026-11-21T10:00:00.000000+00:00" },
  ]);
  expect((await call("GET", "/authorizations")).status).toBe(401);
});

test("the same seed produces the same world", async () => {
  const [one, same, other] = await Promise.all(
    [7, 7, 8].map(async (seed) => {
      const { call, makeUser } = makeWorld(seed);
      const answer = await call("GET", "/accounts", makeUser().query);
      return [answer.headers.get("X-Request-ID"), await answer.text()];
    }),
  );
  expect(same).toEqual(one);
  expect(other).not.toEqual(one);
});

test("webhooks are posted through the given function, after the configured delay", async () => {
  const { world, posted, pass, makeUser } = makeWorld();
  const { user, connection } = makeUser();
  world.settings.webhookDelayMs = 60_000;
  breakConnection(world, user, connection);
  await pass(59_000);
  expect(posted.filter(({ body }) => body.includes("CONNECTION_BROKEN"))).toEqual([]);
  await pass(1_000);
  expect(posted.at(-1)).toMatchObject({
    url: "https://app.example.com/hook",
    body: expect.stringContaining("CONNECTION_BROKEN") as string,
  });
});

test("a lost answer rejects, a hanging one ends with its signal, and a delayed one waits on the given clock", async () => {
  const { world, call, pass, makeUser } = makeWorld();
  const { query } = makeUser();
  addFault(world, null, { endpoint: "list", kind: "reset", times: 1 });
  await expect(call("GET", "/authorizations", query)).rejects.toThrow(AnswerLost);

  addFault(world, null, { endpoint: "list", kind: "hang", times: 1 });
  const patience = new AbortController();
  const hanging = call("GET", "/authorizations", query, patience.signal);
  await pass(60_000);
  patience.abort();
  await expect(hanging).rejects.toThrow(AnswerLost);

  addFault(world, null, { endpoint: "list", kind: "delay", delayMs: 9_000, times: 1 });
  const late = call("GET", "/authorizations", query);
  await pass(9_000);
  expect((await late).headers.get("Date")).toBe("Sat, 21 Nov 2026 10:01:09 GMT");
});

test("a dripping body follows the given clock and stops when its reader stops", async () => {
  const { world, call, pass, makeUser, waiting } = makeWorld();
  const { query } = makeUser();
  addFault(world, null, { endpoint: "detail", kind: "drip" });
  const path = `/authorizations/${world.users.get("user-1")?.connections[0]?.id ?? ""}`;
  const read = (await call("GET", path, query)).text();
  await pass(5_000_000);
  expect(JSON.parse(await read)).toMatchObject({ disabled: false });

  const abandoned = await call("GET", path, query);
  await pass(3_000);
  await abandoned.body?.cancel();
  expect(waiting()).toBe(0);
});
