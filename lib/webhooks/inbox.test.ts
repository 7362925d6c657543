import { Pool } from "pg";
import { describe, expect, inject, test } from "vitest";
import { withDatabase } from "@/lib/testing/with-database";
import { testSettings } from "@/lib/testing/unique";
import { bodyForms } from "../../e2e/emulator/webhooks/body";
import {
  countEvents,
  deliver,
  deliverBytes,
  makeEvent,
  storedEvent,
  type Members,
} from "@/lib/testing/webhooks";

const previousKey = "TEST-CONSUMER-KEY-0000";
Object.assign(process.env, testSettings, { SNAPTRADE_PREVIOUS_CONSUMER_KEY: previousKey });
withDatabase();

const happened = new Date("2026-11-17T09:00:00.590Z");
const ids = { userId: "user-42", brokerageAuthorizationId: "87b24961-b51e-4db8-9226-f198f6518a89" };

describe("a webhook is stored", () => {
  test("with everything but the shared secret, once, however often it arrives", async () => {
    const event = makeEvent("CONNECTION_BROKEN", happened, { ...ids, userId: "zoë-日本-😀" });
    const receipts = await Promise.all(Array.from({ length: 10 }, () => deliver(event)));
    expect(receipts).toEqual(Array.from({ length: 10 }, () => "stored"));
    const stored = await storedEvent(event);
    expect(stored).toMatchObject({
      type: "CONNECTION_BROKEN",
      snapTradeUserId: "zoë-日本-😀",
      state: "waiting",
    });
    expect(stored?.happenedAt).toEqual(happened);
    const { webhookSecret, ...kept } = event;
    expect(JSON.parse(stored?.payload ?? "")).toEqual(kept);
    expect(stored?.payload).not.toContain(String(webhookSecret));
  });

  test.each(bodyForms)("when its body is %s", async (form) => {
    const event = makeEvent("CONNECTION_FIXED", happened, { ...ids, note: "zoë \u2028 😀 \u007f" });
    expect(await deliver(event, { form })).toBe("stored");
  });

  test.each<[string, Members]>([
    ["an unknown type", { eventType: "SOMETHING_NEW" }],
    [
      "no user, no time, no connection",
      { userId: undefined, eventTimestamp: undefined, brokerageAuthorizationId: undefined },
    ],
    [
      "the field names of the other schema",
      {
        brokerageAuthorizationId: undefined,
        connectionId: ids.brokerageAuthorizationId,
        schemaVersion: "oauth_v1",
      },
    ],
    [
      "fields of the wrong type",
      { userId: 7, eventTimestamp: "yesterday", brokerageAuthorizationId: "not an id", details: [1.5] },
    ],
    [
      "a year that no database can store",
      { eventTimestamp: "+275760-09-13T00:00:00Z", userId: "with \u0000 in it" },
    ],
    ["an invalid time of day", { eventTimestamp: "2026-11-17T29:00:00Z" }],
  ])("with %s", async (_, members) => {
    const event = Object.fromEntries(
      Object.entries({ ...makeEvent("CONNECTION_BROKEN", happened, ids), ...members }).filter(
        ([, v]) => v !== undefined,
      ),
    );
    expect(await deliverBytes(event)).toBe("stored");
    expect(await storedEvent(event)).toMatchObject({ state: "waiting" });
  });

  test("with its id under SnapTrade's misspelled name", async () => {
    const { webhookId, ...rest } = makeEvent("TRADE_DETECTION", happened, ids);
    expect(await deliver({ ...rest, webookId: webhookId })).toBe("stored");
    expect(await storedEvent({ webhookId })).toBeDefined();
  });

  test("400 at once through a pool of ten, signed with the current or the previous key, and no others", async () => {
    const events = Array.from({ length: 400 }, () => makeEvent("ACCOUNT_HOLDINGS_UPDATED", happened, ids));
    const before = await countEvents();
    const keys = [testSettings.SNAPTRADE_CONSUMER_KEY, previousKey, "SOMEBODY-ELSES-KEY"];
    const receipts = await Promise.all(
      events.map((event, index) => deliver(event, { key: keys[index % 3] })),
    );
    expect(receipts).toEqual(events.map((_, index) => (index % 3 === 2 ? "not-signed" : "stored")));
    expect((await countEvents()) - before).toBe(receipts.filter((receipt) => receipt === "stored").length);
  });
});

describe.runIf(inject("postgresUrl"))("while the database is locked", () => {
  test("a webhook is answered within two seconds as not stored, and the next delivery stores it", async () => {
    const event = makeEvent("CONNECTION_BROKEN", happened, ids);
    const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 1 });
    const lock = await pool.connect();
    await lock.query("begin; lock table inbox_events in access exclusive mode");
    const startedAt = performance.now();
    expect(await deliver(event)).toBe("away");
    expect(performance.now() - startedAt).toBeLessThan(2_500);
    await lock.query("rollback");
    lock.release();
    await pool.end();
    expect(await deliver(event)).toBe("stored");
    expect(await storedEvent(event)).toBeDefined();
  });
});
