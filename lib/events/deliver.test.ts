import { randomUUID } from "node:crypto";
import { and, eq, sql } from "drizzle-orm";
import { Webhook } from "standardwebhooks";
import { describe, expect, test } from "vitest";
import { database, transaction } from "@/lib/db/client";
import { eventDeliveries, eventEndpoints, events } from "@/lib/db/schema/events";
import { accept, fail, withReceiver } from "@/lib/testing/receiver";
import { withNoEvents } from "@/lib/testing/events";
import { testSettings } from "@/lib/testing/unique";
import { makeConnections } from "@/lib/testing/webhooks";
import { withDatabase } from "@/lib/testing/with-database";
import { claimDeliveries } from "./claim";
import { deliverEvents } from "./deliver";
import { addEndpoint, listEndpoints, removeEndpoint, rotateSecret, testEndpoint } from "./endpoints";
import { recordEvents } from "./record";
import { listEvents } from "./stream";

Object.assign(process.env, testSettings, { EVENTS_ALLOW_PRIVATE: "true" });
withDatabase();
const receiver = withReceiver();
withNoEvents();

let number = 0;
async function endpoint(path = `/${++number}`) {
  return { path, ...(await addEndpoint(receiver.url(path), null, new Date())) };
}

/** Records one event for each of these connections, in this order. */
async function happen(userId: string, connectionIds: (string | undefined)[]) {
  await transaction((tx) =>
    recordEvents(
      tx,
      connectionIds.map((connectionId, place) => ({
        type: "connection.fixed",
        userId,
        connectionId: connectionId ?? null,
        at: new Date(),
        data: { place },
      })),
    ),
  );
}

const placesAt = (path: string) =>
  receiver.at(path).map(({ body }) => (JSON.parse(body) as { data: { place: number } }).data.place);
async function waiting() {
  const db = await database();
  return db.select().from(eventDeliveries).where(eq(eventDeliveries.state, "waiting"));
}
/** Makes everything that waits for a later attempt due, and frees what is leased. */
async function later() {
  const db = await database();
  await db.update(eventDeliveries).set({ runAt: new Date(0), lockedUntil: null });
}

describe("an event is delivered", () => {
  test("signed as the official library expects, with both secrets while one is being changed", async () => {
    const { path, id, secret } = await endpoint();
    const owner = await makeConnections(1, new Date());
    await happen(owner.userId, owner.ids);
    await deliverEvents();
    const [first] = receiver.at(path);
    const payload = new Webhook(secret).verify(first?.body ?? "", first?.headers as Record<string, string>);
    expect(payload).toMatchObject({
      type: "connection.fixed",
      data: { user: { id: owner.userId, external_id: null }, connection: { id: owner.ids[0] } },
    });
    const next = await rotateSecret(id, new Date());
    await happen(owner.userId, owner.ids);
    await deliverEvents();
    const second = receiver.at(path)[1];
    for (const either of [secret, next])
      new Webhook(either).verify(second?.body ?? "", second?.headers as Record<string, string>);
    expect(await waiting()).toEqual([]);
  });

  test("under the same id until it is accepted, and the rest of its connection only after it", async () => {
    const { path } = await endpoint();
    const { userId, ids } = await makeConnections(2, new Date());
    const [one, other] = ids;
    receiver.answer(path, (response, received) =>
      (received.body.includes(String(one)) ? fail(500) : accept)(response, received),
    );
    await happen(userId, [one, one, other, other]);
    await deliverEvents();
    expect(placesAt(path)).toEqual(expect.arrayContaining([0, 2, 3]));
    expect(await waiting()).toHaveLength(2);
    await deliverEvents();
    expect(placesAt(path)).toHaveLength(3);
    receiver.answer(path, accept);
    await later();
    await deliverEvents();
    expect(placesAt(path).slice(3)).toEqual([0, 1]);
    const idsOf = receiver.at(path).map(({ headers }) => headers["webhook-id"]);
    expect(new Set(idsOf).size).toBe(4);
    expect(await waiting()).toEqual([]);
  });

  test("although another endpoint hangs, and another connection's event hangs at the same endpoint", async () => {
    const [hanging, mixed, well] = [await endpoint(), await endpoint(), await endpoint()];
    const { userId, ids } = await makeConnections(3, new Date());
    receiver.answer(hanging.path, () => undefined);
    receiver.answer(mixed.path, (response, received) => {
      if (!received.body.includes(String(ids[0]))) accept(response, received);
    });
    await happen(userId, ids);
    const begun = Date.now();
    const run = deliverEvents();
    await expect.poll(() => placesAt(well.path).length, { timeout: 4_000 }).toBe(3);
    await happen(userId, [ids[1]]);
    const next = deliverEvents();
    await expect.poll(() => placesAt(mixed.path).sort(), { timeout: 4_000 }).toEqual([0, 0, 1, 2]);
    expect(Date.now() - begun).toBeLessThan(8_000);
    await Promise.all([run, next]);
    const errors = (await waiting()).map(({ lastError }) => lastError);
    expect(errors).toContain("no answer within 10 s");
  }, 40_000);

  test("by one of several workers; one that lost its lease changes nothing", async () => {
    const { id } = await endpoint();
    const { userId, ids } = await makeConnections(4, new Date());
    await happen(userId, ids);
    await listEvents(null, 1, new Date());
    const claims = await Promise.all([1, 2, 3].map(() => claimDeliveries(id, 2, new Date())));
    const claimed = claims.flat().map(({ eventId }) => eventId);
    expect(new Set(claimed).size).toBe(claimed.length);
    expect(await claimDeliveries(id, 9, new Date(Date.now() + 50_000))).toHaveLength(4 - claimed.length);
    expect(await claimDeliveries(id, 9, new Date(Date.now() + 120_000))).not.toEqual([]);
  });
});

describe("an endpoint", () => {
  test.each([301, 400, 410, 503])(
    "that answers %i gets the event again, and follows no redirect",
    async (status) => {
      const { path } = await endpoint();
      const elsewhere = `/private-${status}`;
      receiver.answer(path, fail(status, { Location: receiver.url(elsewhere) }));
      const { userId, ids } = await makeConnections(1, new Date());
      await happen(userId, ids);
      await deliverEvents();
      expect(receiver.at(elsewhere)).toEqual([]);
      expect((await waiting())[0]).toMatchObject({ attempts: 1, lastError: `status ${status}` });
      const [{ pausedAt } = { pausedAt: undefined }] = await listEndpoints();
      expect(pausedAt === null).toBe(status !== 410);
    },
  );

  test("that fails for a day is paused, and resumed by a test that it passes", async () => {
    const { path, id } = await endpoint();
    receiver.answer(path, fail(500));
    const { userId, ids } = await makeConnections(1, new Date());
    await happen(userId, ids);
    await deliverEvents();
    const db = await database();
    await db.update(eventEndpoints).set({ failingSince: new Date(Date.now() - 25 * 3_600_000) });
    await later();
    await deliverEvents();
    await later();
    await deliverEvents();
    expect(receiver.at(path)).toHaveLength(2);
    expect(await listEndpoints()).toMatchObject([{ waiting: 1, dead: 0, lastError: "status 500" }]);
    expect(await testEndpoint(id, new Date())).toBe("status 500");
    receiver.answer(path, accept);
    expect(await testEndpoint(id, new Date())).toBeNull();
    await deliverEvents();
    expect(await listEndpoints()).toMatchObject([{ waiting: 0, pausedAt: null, failingSince: null }]);
  });

  test("that never accepts an event loses it after ten attempts, and gets the next one", async () => {
    const { path, id } = await endpoint();
    const { userId, ids } = await makeConnections(1, new Date());
    receiver.answer(path, (response, received) =>
      (received.body.includes('"place":0') ? fail(500) : accept)(response, received),
    );
    await happen(userId, [ids[0], ids[0]]);
    for (let attempt = 1; attempt <= 10; attempt++) {
      await deliverEvents();
      await later();
    }
    await deliverEvents();
    expect(placesAt(path)).toEqual([...Array<number>(10).fill(0), 1]);
    expect(await listEndpoints()).toMatchObject([{ waiting: 0, dead: 1 }]);
    await removeEndpoint(id, new Date());
    expect(await (await database()).$count(eventDeliveries)).toBe(0);
  });

  test("gets only the types it asked for, and nothing from before it was added", async () => {
    const { userId, ids } = await makeConnections(1, new Date());
    await happen(userId, ids);
    await deliverEvents();
    const url = receiver.url("/some");
    await addEndpoint(url, ["user.gone"], new Date());
    await happen(userId, ids);
    await transaction((tx) =>
      recordEvents(tx, [{ type: "user.gone", userId, connectionId: null, at: new Date(), data: {} }]),
    );
    await deliverEvents();
    expect(receiver.at("/some").map(({ body }) => (JSON.parse(body) as { type: string }).type)).toEqual([
      "user.gone",
    ]);
  });

  test("has its secret stored sealed only, and its address checked", async () => {
    const { secret } = await endpoint();
    const db = await database();
    const [row] = await db.select().from(eventEndpoints);
    expect(JSON.stringify(row)).not.toContain(secret.slice(6));
    for (const url of ["ftp://example.com", "https://user:pw@example.com", "nothing"])
      await expect(addEndpoint(url, null, new Date())).rejects.toMatchObject({
        code: "endpoint-not-allowed",
      });
  });
});

test("of two who add the same address at once, one is refused", async () => {
  const add = () => addEndpoint(receiver.url("/twice"), null, new Date());
  const both = await Promise.allSettled([add(), add()]);
  const refused = both.flatMap((one) => (one.status === "rejected" ? [one.reason as unknown] : []));
  expect(refused).toMatchObject([{ code: "endpoint-exists" }]);
});

test("a reader who continues after the last event it knows misses none that commits late", async () => {
  const { userId, ids } = await makeConnections(1, new Date());
  const add = (place: number) => ({
    type: "connection.fixed" as const,
    userId,
    connectionId: ids[0] ?? null,
    at: new Date(),
    data: { place },
  });
  const read = async (after: string | null) => listEvents(after, 100, new Date());
  await transaction((tx) => recordEvents(tx, [add(0), add(1)]));
  const [first, second] = await read(null);
  expect(await read(first?.id ?? "")).toEqual([second]);
  // Recorded before the others, but committed after they were read.
  const db = await database();
  await transaction((tx) => recordEvents(tx, [add(2), add(3)]));
  const late = await db.query.events.findFirst({ where: sql`data ->> 'place' = '2'` });
  const third = and(eq(events.id, late?.id ?? ""));
  await db.delete(events).where(third);
  const last = (await read(second?.id ?? "")).at(-1);
  if (late) await db.insert(events).values(late);
  expect((await read(last?.id ?? "")).map(({ id }) => id)).toEqual([late?.id]);
  await expect(read(randomUUID())).rejects.toMatchObject({ code: "not-found" });
});
