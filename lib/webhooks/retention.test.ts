import { randomUUID } from "node:crypto";
import { eq, sql } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import { database } from "@/lib/db/client";
import { inboxEvents, webhookEventIds, webhookEvents } from "@/lib/db/schema/webhooks";
import { testSettings } from "@/lib/testing/unique";
import {
  countEvents,
  deliver,
  deliverBytes,
  known,
  makeConnections,
  makeEvent,
  storedEvent,
  type Members,
} from "@/lib/testing/webhooks";
import { withDatabase } from "@/lib/testing/with-database";
import { processInbox } from "./process";
import { deleteDeadEvents, eventDays, idDays, keepEventDays, keepIdDays } from "./retention";

// SnapTrade is unreachable here, so everything these tests observe comes from the events alone.
Object.assign(process.env, testSettings, { SNAPTRADE_API_URL: "http://localhost:9" });
withDatabase();

const dayMs = 86_400_000;
const today = Math.floor(Date.now() / dayMs) * dayMs;
const ago = (days: number, ms = 0) => new Date(today - days * dayMs + ms);

async function broken(happenedAt: Date): Promise<Members> {
  const owner = await makeConnections(1, new Date(happenedAt.getTime() - 60_000));
  return makeEvent("CONNECTION_BROKEN", happenedAt, {
    userId: owner.snapTradeUserId,
    brokerageAuthorizationId: owner.ids[0],
  });
}

async function ageId({ webhookId }: Members, at: Date) {
  const db = await database();
  const day = at.toISOString().slice(0, 10);
  await db
    .update(webhookEventIds)
    .set({ day })
    .where(eq(webhookEventIds.id, String(webhookId)));
}

describe("a copy of an event", () => {
  test.each([
    ["while it waits", 0, 0],
    ["on the next day, across midnight", 1, 0],
    ["on the last day on which its id is kept", idDays, idDays],
  ])("is recognized %s", async (_, days, happenedDays) => {
    const event = await broken(ago(happenedDays, 5));
    await deliver(event, { now: ago(days, 10) });
    const before = await countEvents();
    expect(await deliver(event, { now: ago(0, 20) })).toBe("stored");
    expect(await countEvents()).toBe(before);
  });

  test("is recognized after the event was processed, and takes no effect again", async () => {
    const event = await broken(new Date());
    await deliver(event);
    await processInbox();
    const [done, connection] = [
      await storedEvent(event),
      await known(String(event.brokerageAuthorizationId)),
    ];
    expect(done).toMatchObject({ state: "done", outcome: "applied" });
    await Promise.all([deliver(event), deliver(event)]);
    expect(await processInbox()).toMatchObject({ done: 0, failed: 0 });
    expect(await storedEvent(event)).toEqual(done);
    expect(await known(String(event.brokerageAuthorizationId))).toEqual(connection);
  });

  test("with a newer time than the first delivery is recognized for a day", async () => {
    const event = makeEvent("TRADE_DETECTION", ago(0, 5), { userId: randomUUID() });
    await deliver(event, { now: ago(1, 5) });
    const before = await countEvents();
    await deliver(event, { now: ago(0, 6) });
    expect(await countEvents()).toBe(before);
  });

  test("without a time is recognized as long as ids are kept", async () => {
    const event = { ...makeEvent("TRADE_DETECTION", ago(0)), eventTimestamp: undefined };
    await deliverBytes(event);
    await ageId(event, ago(idDays));
    const before = await countEvents();
    await deliverBytes(event);
    expect(await countEvents()).toBe(before);
  });

  test("that arrives after its id was forgotten doesn't change a connection; it only requests a look", async () => {
    const event = await broken(ago(idDays + 1));
    await deliver(event);
    await processInbox();
    expect(await storedEvent(event)).toMatchObject({ outcome: "looked" });
    expect(await known(String(event.brokerageAuthorizationId))).toMatchObject({
      state: "enabled",
      episodes: [],
    });
  });

  test("that arrives after its id was forgotten doesn't end a SnapTrade user; it only requests a look", async () => {
    const owner = await makeConnections(1, ago(idDays + 2));
    const event = makeEvent("USER_DELETED", ago(idDays + 1), { userId: owner.snapTradeUserId });
    await deliver(event);
    await processInbox();
    expect(await storedEvent(event)).toMatchObject({ outcome: "looked" });
    expect(await known(owner.ids[0])).toMatchObject({ state: "enabled" });
  });
});

describe("the id of an event", () => {
  test("is forgotten with its whole day, once all of it is past its time", async () => {
    const db = await database();
    const isKept = async ({ webhookId }: Members) =>
      (await db.$count(webhookEventIds, eq(webhookEventIds.id, String(webhookId)))) > 0;
    const [kept, forgotten] = [makeEvent("TRADE_DETECTION", ago(0)), makeEvent("TRADE_DETECTION", ago(0))];
    await deliver(kept, { now: ago(idDays, dayMs - 1) });
    await deliver(forgotten, { now: ago(idDays + 1, dayMs - 1) });
    for (let call = 0; call < 4; call++) await keepIdDays(ago(0));
    expect([await isKept(kept), await isKept(forgotten)]).toEqual([true, false]);
    await keepIdDays(ago(-1));
    expect(await isKept(kept)).toBe(false);
  });
});

describe("a processed event", () => {
  test("is in its day's partition, which is dropped once all of it is past its time", async () => {
    const [kept, over] = [makeEvent("TRADE_DETECTION", ago(0)), makeEvent("TRADE_DETECTION", ago(0))];
    await deliver(kept, { now: ago(eventDays) });
    await deliver(over, { now: ago(eventDays + 1, dayMs - 1) });
    await processInbox();
    for (let call = 0; call < 4; call++) await keepEventDays(ago(0));
    expect(await storedEvent(kept)).toMatchObject({ state: "done" });
    expect(await storedEvent(over)).toBeUndefined();
  });

  test("is found by its id and its day without reading other days", async () => {
    const db = await database();
    const plan: unknown = await db.execute(sql`
      explain select * from ${webhookEvents} where id = 'one' and received_at >= ${ago(0).toISOString()}::timestamptz
        and received_at < ${ago(-1).toISOString()}::timestamptz`);
    const text = JSON.stringify((plan as { rows: unknown[] }).rows);
    expect(text).toContain(`webhook_events_${ago(0).toISOString().slice(0, 10).replaceAll("-", "")}`);
    expect(text).not.toContain("default");
  });

  test("is stored without its payload if it was a heartbeat, and whole if not", async () => {
    const owner = await makeConnections(1, ago(0));
    const about = { userId: owner.snapTradeUserId, brokerageAuthorizationId: owner.ids[0] };
    const heartbeat = makeEvent("ACCOUNT_HOLDINGS_UPDATED", new Date(), about);
    const other = makeEvent("ACCOUNT_TRANSACTIONS_UPDATED", new Date(), about);
    await Promise.all([deliver(heartbeat), deliver(other)]);
    await processInbox();
    expect(await storedEvent(heartbeat)).toMatchObject({
      payload: "{}",
      outcome: "applied",
      connectionId: owner.ids[0],
      snapTradeUserId: owner.snapTradeUserId,
    });
    expect((await storedEvent(other))?.payload).toContain(String(other.webhookId));
  });
});

describe("an event that was given up", () => {
  test("is deleted with its payload once it is as old as processed events get, and waiting ones are not", async () => {
    const db = await database();
    const row = (days: number, state: "dead" | "waiting") => ({
      id: randomUUID(),
      type: "CONNECTION_BROKEN",
      payload: "{}",
      state,
      receivedAt: ago(days),
      runAt: ago(days),
    });
    const [over, kept, waiting] = [
      row(eventDays, "dead"),
      row(eventDays - 1, "dead"),
      row(eventDays, "waiting"),
    ];
    await db.insert(inboxEvents).values([over, kept, waiting]);
    expect(await deleteDeadEvents(ago(0, 1))).toBe(1);
    expect(await storedEvent({ webhookId: over.id })).toBeUndefined();
    for (const { id } of [kept, waiting]) expect(await storedEvent({ webhookId: id })).toBeDefined();
  });
});
