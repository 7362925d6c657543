import { randomUUID } from "node:crypto";
import { desc, eq, sql } from "drizzle-orm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { database } from "@/lib/db/client";
import { inboxEvents } from "@/lib/db/schema/webhooks";
import { withDatabase } from "@/lib/testing/with-database";
import { testSettings } from "@/lib/testing/unique";
import {
  countEvents,
  deliver,
  deliverBytes,
  makeEvent,
  storedEvent,
  type Members,
} from "@/lib/testing/webhooks";

Object.assign(process.env, testSettings);
withDatabase();

const happened = new Date("2026-11-17T09:00:00.590Z");
const ids = { userId: "user-42", brokerageAuthorizationId: "87b24961-b51e-4db8-9226-f198f6518a89" };

describe("a webhook that cannot be stored as it is", () => {
  const half = "\ud800";

  test.each<[string, Members]>([
    ["half a character in the result of a sign-in", { connectionAttemptedResult: half }],
    ["half a character in the user", { userId: `a${half}` }],
    ["the year 0000", { eventTimestamp: "0000-01-01T00:00:00Z" }],
    ["the last moment of the calendar", { eventTimestamp: "9999-12-31T23:59:59.999-23:59" }],
    ["an invalid offset", { eventTimestamp: "2026-11-17T09:00:00+25:99" }],
    ["an endless user id", { userId: "a".repeat(60_000) }],
  ])("because of %s is processed without that field", async (_, members) => {
    const event = { ...makeEvent("CONNECTION_ATTEMPTED", happened, ids), ...members };
    expect(await deliverBytes(event)).toBe("stored");
    expect(await storedEvent(event)).toMatchObject({ state: "waiting", type: "CONNECTION_ATTEMPTED" });
  });

  test.each([
    ["2026-11-17T09:00:00.12345+00:00", "2026-11-17T09:00:00.123Z"],
    ["2026-11-17T09:00:00+0000", "2026-11-17T09:00:00.000Z"],
    ["2026-12-31T23:59:60Z", "2026-12-31T23:59:59.999Z"],
    ["2026-11-17T09:00+05:30", "2026-11-17T03:30:00.000Z"],
  ])("the time %s is read as %s", async (eventTimestamp, read) => {
    const event = { ...makeEvent("CONNECTION_BROKEN", happened, ids), eventTimestamp };
    expect(await deliverBytes(event)).toBe("stored");
    expect((await storedEvent(event))?.happenedAt).toEqual(new Date(read));
  });

  test.each<[string, Members]>([
    ["an id with a NUL", { webhookId: `a\0b${randomUUID()}` }],
    ["an endless id", { webhookId: randomUUID() + "a".repeat(50_000) }],
    ["half a character in the id", { webhookId: half + randomUUID() }],
    ["a type in non-Latin letters", { eventType: "ПОДКЛЮЧЕНО" }],
  ])(
    "because of %s is stored once as unreadable, with its contents in printable ASCII",
    async (_, members) => {
      const before = await countEvents();
      const event = { ...makeEvent("CONNECTION_BROKEN", happened, ids), ...members };
      expect(await deliverBytes(event)).toBe("stored");
      expect(await deliverBytes(event)).toBe("stored");
      expect(await countEvents()).toBe(before + 1);
      const db = await database();
      const [stored] = await db
        .select()
        .from(inboxEvents)
        .where(eq(inboxEvents.state, "dead"))
        .orderBy(desc(inboxEvents.receivedAt))
        .limit(1);
      expect(stored).toMatchObject({ state: "dead", lastError: "Its id or type is not plain text" });
      expect(stored?.payload).toMatch(/^[\x20-\x7e]+$/);
      const { webhookSecret, ...kept }: Members = event;
      expect(webhookSecret).toBeDefined();
      expect(JSON.parse(stored?.payload ?? "")).toEqual(kept);
    },
  );

  test("because the database rejects it is stored alone as unreadable, and the rest of its batch as sent", async () => {
    const db = await database();
    await db.execute(
      sql`alter table inbox_events add constraint no_poison check (sign_in_result <> 'POISON')`,
    );
    try {
      const poison = makeEvent("CONNECTION_ATTEMPTED", happened, {
        ...ids,
        connectionAttemptedResult: "POISON",
      });
      const others = Array.from({ length: 60 }, () => makeEvent("CONNECTION_BROKEN", happened, ids));
      const receipts = await Promise.all(
        [...others.slice(0, 30), poison, ...others.slice(30)].map((event) => deliver(event)),
      );
      expect(new Set(receipts)).toEqual(new Set(["stored"]));
      expect(await storedEvent(poison)).toMatchObject({
        state: "dead",
        lastError: "The database rejected its content",
        type: "CONNECTION_ATTEMPTED",
        signInResult: null,
      });
      for (const event of others)
        expect(await storedEvent(event)).toMatchObject({
          state: "waiting",
          connectionId: ids.brokerageAuthorizationId,
        });
    } finally {
      await db.execute(sql`alter table inbox_events drop constraint no_poison`);
    }
  });

  test("is stored exactly once, whatever a signed object with an id and a type contains", async () => {
    const text = fc.oneof(
      fc.string({ minLength: 1, unit: "binary" }),
      fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units)),
    );
    const value = fc.oneof(
      text,
      fc.jsonValue(),
      fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
    );
    const names = [
      "userId",
      "clientId",
      "oauthClientId",
      "brokerageAuthorizationId",
      "connectionId",
      "brokerageId",
      "connectionAttemptedResult",
      "eventTimestamp",
    ];
    const members = fc.dictionary(fc.oneof(fc.constantFrom(...names), text), value, { maxKeys: 12 });
    const some = fc.record({
      members,
      id: text.filter((id) => id !== ""),
      eventType: text.filter((type) => type !== ""),
    });
    const property = fc.asyncProperty(fc.array(some, { minLength: 1, maxLength: 20 }), async (batch) => {
      const before = await countEvents();
      const events = batch.map(({ members: more, id, eventType }) => ({
        ...more,
        webhookId: randomUUID() + id,
        eventType,
      }));
      const receipts = await Promise.all([...events, ...events].map(deliverBytes));
      expect(receipts.every((receipt) => receipt === "stored")).toBe(true);
      expect((await countEvents()) - before).toBe(events.length);
    });
    await fc.assert(property, { numRuns: 40 });
  });
});
