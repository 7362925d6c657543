import { readFileSync } from "node:fs";
import { createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import { withDatabase } from "@/lib/testing/with-database";
import { testSettings } from "@/lib/testing/unique";
import { signEvent, writeBody } from "../../e2e/emulator/webhooks/body";
import { receiveEvent } from "./inbox";
import { countEvents, makeEvent, storedEvent } from "@/lib/testing/webhooks";

Object.assign(process.env, testSettings);
withDatabase();

const happened = new Date("2026-11-17T09:00:00.590Z");
const ids = { userId: "user-42", brokerageAuthorizationId: "87b24961-b51e-4db8-9226-f198f6518a89" };

describe("the signature", () => {
  test("SnapTrade's signatures of the golden vectors are valid, over bodies as Python prints them", async () => {
    const { vectors } = JSON.parse(
      readFileSync(new URL("../snaptrade/canonical-json.vectors.json", import.meta.url), "utf8"),
    ) as {
      vectors: { body: string; signature: string }[];
    };
    for (const { body, signature } of vectors)
      expect(await receiveEvent(Buffer.from(body), signature)).toBe("not-readable");
  });

  test("the last of two duplicate keys counts, as in Python", async () => {
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

describe("a webhook is refused, and leaves no row", () => {
  test("if any one bit is changed, in 10,000 changes of bodies and signatures", async () => {
    const before = await countEvents();
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
    expect(await countEvents()).toBe(before);
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
    ["is not JSON", Buffer.from("{")],
    ["is not an object", Buffer.from("[1]")],
    ["is invalid UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])],
    ["nests 10,000 deep", Buffer.from("[".repeat(10_000) + "]".repeat(10_000))],
    ["has no id", Buffer.from('{"eventType":"CONNECTION_BROKEN"}')],
    ["has no type", Buffer.from('{"webhookId":"1"}')],
    ["has an id that is not a string", Buffer.from('{"webhookId":{"__proto__":1},"eventType":"X"}')],
    ["has an empty id", Buffer.from('{"webhookId":"","eventType":"X"}')],
    ["has a type that is not a string", Buffer.from('{"webhookId":"1","eventType":7}')],
    ["inherits its id", Buffer.from('{"__proto__":{"webhookId":"1","eventType":"X"}}')],
  ])("when its body %s, signed or not", async (_, body) => {
    const before = await countEvents();
    const signature = createHmac("sha256", testSettings.SNAPTRADE_CONSUMER_KEY).update(body).digest("base64");
    expect(await receiveEvent(body, signature)).toBe("not-readable");
    expect(await receiveEvent(body, null)).toBe("not-signed");
    expect(await countEvents()).toBe(before);
  });
});

function flip(bytes: Buffer, bit: number): Buffer {
  const changed = Buffer.from(bytes);
  changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return changed;
}
