import { readFileSync } from "node:fs";
import { createHmac, randomUUID } from "node:crypto";
import { count, desc, eq, sql } from "drizzle-orm";
import fc from "fast-check";
import { Pool } from "pg";
import { describe, expect, inject, test } from "vitest";
import { database } from "@/lib/db/client";
import { webhookEvents } from "@/lib/db/schema/work";
import { withDatabase } from "@/lib/testing/with-database";
import { testSettings } from "@/lib/testing/unique";
import { bodyForms, signEvent, writeBody } from "../../e2e/emulator/webhooks/body";
import { receiveEvent } from "./inbox";
import { deliver, makeEvent, storedEvent, type Members } from "@/lib/testing/webhooks";

const previousKey = "TEST-CONSUMER-KEY-0000";
Object.assign(process.env, testSettings, { SNAPTRADE_PREVIOUS_CONSUMER_KEY: previousKey });
withDatabase();

const happened = new Date("2026-11-17T09:00:00.590Z");
const ids = { userId: "user-42", brokerageAuthorizationId: "87b24961-b51e-4db8-9226-f198f6518a89" };

async function rows(): Promise<number> {
  const db = await database();
  return (await db.select({ rows: count() }).from(webhookEvents))[0]?.rows ?? 0;
}

describe("a webhook is stored", () => {
  test("with everything but the shared secret, once, however often it comes", async () => {
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

  test("when the golden vectors' signatures are SnapTrade's, over bodies as Python prints them again", async () => {
    const { vectors } = JSON.parse(
      readFileSync(new URL("../snaptrade/canonical-json.vectors.json", import.meta.url), "utf8"),
    ) as {
      vectors: { body: string; signature: string }[];
    };
    for (const { body, signature } of vectors)
      expect(await receiveEvent(Buffer.from(body), signature)).toBe("not-readable");
  });

  test.each<[string, Members]>([
    ["an unknown type", { eventType: "SOMETHING_NEW" }],
    [
      "no user, no time, no connection",
      { userId: undefined, eventTimestamp: undefined, brokerageAuthorizationId: undefined },
    ],
    [
      "the names of the other schema",
      {
        brokerageAuthorizationId: undefined,
        connectionId: ids.brokerageAuthorizationId,
        schemaVersion: "oauth_v1",
      },
    ],
    [
      "members of the wrong kind",
      { userId: 7, eventTimestamp: "yesterday", brokerageAuthorizationId: "not an id", details: [1.5] },
    ],
    [
      "a year that no database knows",
      { eventTimestamp: "+275760-09-13T00:00:00Z", userId: "with \u0000 in it" },
    ],
    ["a time of day that is none", { eventTimestamp: "2026-11-17T29:00:00Z" }],
  ])("with %s", async (_, members) => {
    const event = Object.fromEntries(
      Object.entries({ ...makeEvent("CONNECTION_BROKEN", happened, ids), ...members }).filter(
        ([, v]) => v !== undefined,
      ),
    );
    const raw = Buffer.from(JSON.stringify(event));
    const { createHmac } = await import("node:crypto");
    const overTheBytes = createHmac("sha256", testSettings.SNAPTRADE_CONSUMER_KEY)
      .update(raw)
      .digest("base64");
    expect(await receiveEvent(raw, overTheBytes)).toBe("stored");
    expect(await storedEvent(event)).toMatchObject({ state: "waiting" });
  });

  test("under the misspelt name of its id", async () => {
    const { webhookId, ...rest } = makeEvent("TRADE_DETECTION", happened, ids);
    expect(await deliver({ ...rest, webookId: webhookId })).toBe("stored");
    expect(await storedEvent({ webhookId })).toBeDefined();
  });

  test("400 at once through a pool of ten, each of them, with the key and the one before it", async () => {
    const events = Array.from({ length: 400 }, () => makeEvent("ACCOUNT_HOLDINGS_UPDATED", happened, ids));
    const before = await rows();
    const keys = [testSettings.SNAPTRADE_CONSUMER_KEY, previousKey, "SOMEBODY-ELSES-KEY"];
    const receipts = await Promise.all(
      events.map((event, index) => deliver(event, { key: keys[index % 3] })),
    );
    expect(receipts).toEqual(events.map((_, index) => (index % 3 === 2 ? "not-signed" : "stored")));
    expect((await rows()) - before).toBe(receipts.filter((receipt) => receipt === "stored").length);
  });
});

describe("a webhook that cannot be stored as it is", () => {
  const half = "\ud800";

  test.each<[string, Members]>([
    ["half a character in the result of an attempt", { connectionAttemptedResult: half }],
    ["half a character in the user", { userId: `a${half}` }],
    ["the year 0000", { eventTimestamp: "0000-01-01T00:00:00Z" }],
    ["the last moment of the calendar", { eventTimestamp: "9999-12-31T23:59:59.999-23:59" }],
    ["an offset that is none", { eventTimestamp: "2026-11-17T09:00:00+25:99" }],
    ["a user without end", { userId: "a".repeat(60_000) }],
  ])("for %s is worked off without it", async (_, members) => {
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
    ["an id without end", { webhookId: randomUUID() + "a".repeat(50_000) }],
    ["half a character for an id", { webhookId: half + randomUUID() }],
    ["a type of foreign letters", { eventType: "ПОДКЛЮЧЕНО" }],
  ])(
    "for %s is stored once as unreadable, with all that it says in printable letters",
    async (_, members) => {
      const before = await rows();
      const event = { ...makeEvent("CONNECTION_BROKEN", happened, ids), ...members };
      expect(await deliverBytes(event)).toBe("stored");
      expect(await deliverBytes(event)).toBe("stored");
      expect(await rows()).toBe(before + 1);
      const db = await database();
      const [stored] = await db
        .select()
        .from(webhookEvents)
        .where(eq(webhookEvents.outcome, "unreadable"))
        .orderBy(desc(webhookEvents.receivedAt))
        .limit(1);
      expect(stored).toMatchObject({ state: "dead", lastError: "Its id or type is not plain text" });
      expect(stored?.payload).toMatch(/^[\x20-\x7e]+$/);
      const { webhookSecret, ...kept }: Members = event;
      expect(webhookSecret).toBeDefined();
      expect(JSON.parse(stored?.payload ?? "")).toEqual(kept);
    },
  );

  test("because the database refuses it is stored alone as unreadable, and the rest of its batch as sent", async () => {
    const db = await database();
    await db.execute(
      sql`alter table webhook_events add constraint no_poison check (sign_in_result <> 'POISON')`,
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
        outcome: "unreadable",
        type: "CONNECTION_ATTEMPTED",
        signInResult: null,
      });
      for (const event of others)
        expect(await storedEvent(event)).toMatchObject({
          state: "waiting",
          connectionId: ids.brokerageAuthorizationId,
        });
    } finally {
      await db.execute(sql`alter table webhook_events drop constraint no_poison`);
    }
  });

  test("is stored exactly once, whatever a signed object with an id and a type says", async () => {
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
      const before = await rows();
      const events = batch.map(({ members: more, id, eventType }) => ({
        ...more,
        webhookId: randomUUID() + id,
        eventType,
      }));
      const receipts = await Promise.all([...events, ...events].map(deliverBytes));
      expect(receipts.every((receipt) => receipt === "stored")).toBe(true);
      expect((await rows()) - before).toBe(events.length);
    });
    await fc.assert(property, { numRuns: 40 });
  });
});

describe("a webhook is refused, and leaves no row", () => {
  test("with any one bit changed, in 10,000 changes of bodies and signatures", async () => {
    const before = await rows();
    let changes = 0;
    for (const type of ["CONNECTION_BROKEN", "CONNECTION_FIXED", "CONNECTION_DELETED", "USER_DELETED"]) {
      const event = makeEvent(type, happened, ids);
      const [body, signature] = [
        Buffer.from(writeBody(event, "compact")),
        signEvent(testSettings.SNAPTRADE_CONSUMER_KEY, event),
      ];
      for (let bit = 0; bit < body.length * 8; bit++, changes++)
        expect(await receiveEvent(flip(body, bit), signature)).toBe("not-signed");
      const text = Buffer.from(signature);
      for (let bit = 0; bit < text.length * 8; bit++, changes++) {
        expect(await receiveEvent(body, flip(text, bit).toString("latin1"))).toBe("not-signed");
      }
    }
    expect(changes).toBeGreaterThanOrEqual(10_000);
    expect(await rows()).toBe(before);
  });

  test.each([
    null,
    "",
    "=",
    "AAAA",
    Buffer.alloc(32).toString("base64"),
    Buffer.alloc(64).toString("base64"),
    "é".repeat(44),
  ])("with the signature %j", async (signature) => {
    const body = Buffer.from(writeBody(makeEvent("CONNECTION_BROKEN", happened, ids), "compact"));
    expect(await receiveEvent(body, signature)).toBe("not-signed");
  });

  test.each<[string, Buffer]>([
    ["is empty", Buffer.from("")],
    ["is no JSON", Buffer.from("{")],
    ["is no object", Buffer.from("[1]")],
    ["is invalid UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])],
    ["nests 10,000 deep", Buffer.from("[".repeat(10_000) + "]".repeat(10_000))],
    ["has no id", Buffer.from('{"eventType":"CONNECTION_BROKEN"}')],
    ["has no type", Buffer.from('{"webhookId":"1"}')],
    ["has an id that is no text", Buffer.from('{"webhookId":{"__proto__":1},"eventType":"X"}')],
    ["has an empty id", Buffer.from('{"webhookId":"","eventType":"X"}')],
    ["has a type that is no text", Buffer.from('{"webhookId":"1","eventType":7}')],
    ["inherits its id", Buffer.from('{"__proto__":{"webhookId":"1","eventType":"X"}}')],
  ])("when its body %s, signed or not", async (_, body) => {
    const before = await rows();
    const { createHmac } = await import("node:crypto");
    const signature = createHmac("sha256", testSettings.SNAPTRADE_CONSUMER_KEY).update(body).digest("base64");
    expect(await receiveEvent(body, signature)).toBe("not-readable");
    expect(await receiveEvent(body, null)).toBe("not-signed");
    expect(await rows()).toBe(before);
  });

  test("of two equal names the last one counts, as it does for Python", async () => {
    const id = `last-${Date.now()}`;
    const body = `{"webhookId":"first","eventType":"X","webhookId":"${id}"}`;
    expect(
      await receiveEvent(
        Buffer.from(body),
        signEvent(testSettings.SNAPTRADE_CONSUMER_KEY, { webhookId: id, eventType: "X" }),
      ),
    ).toBe("stored");
    expect(await storedEvent({ webhookId: id })).toBeDefined();
    expect(await storedEvent({ webhookId: "first" })).toBeUndefined();
  });
});

describe.runIf(inject("postgresUrl"))("while the database does not take it", () => {
  test("it is answered in two seconds, is not said to be stored, and comes in with the next try", async () => {
    const event = makeEvent("CONNECTION_BROKEN", happened, ids);
    const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 1 });
    const lock = await pool.connect();
    await lock.query("begin; lock table webhook_events in access exclusive mode");
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

function flip(bytes: Buffer, bit: number): Buffer {
  const changed = Buffer.from(bytes);
  changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return changed;
}

/** Posts an event as JavaScript serializes it, unpaired surrogates included, signed over the exact bytes. */
function deliverBytes(event: Members) {
  const body = Buffer.from(JSON.stringify(event));
  return receiveEvent(
    body,
    createHmac("sha256", testSettings.SNAPTRADE_CONSUMER_KEY).update(body).digest("base64"),
  );
}
