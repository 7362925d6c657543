import { createHmac } from "node:crypto";
import { beforeAll, expect, test } from "vitest";
import { database } from "@/lib/db/client";
import { webhookRelays } from "@/lib/db/schema/webhooks";
import { isSignedBySnapTrade } from "@/lib/snaptrade/webhook-signature";
import { accept, fail, withReceiver } from "@/lib/testing/receiver";
import { testSettings } from "@/lib/testing/unique";
import { makeEvent, storedEvent } from "@/lib/testing/webhooks";
import { withDatabase } from "@/lib/testing/with-database";
import { receiveEvent } from "@/lib/webhooks/inbox";
import { deliverRelays } from "./relay";

Object.assign(process.env, testSettings, { EVENTS_ALLOW_PRIVATE: "true" });
withDatabase();
const receiver = withReceiver();
beforeAll(() => {
  process.env.WEBHOOK_RELAY_URLS = ["/one", "/two"].map((path) => receiver.url(path)).join(",");
});

/** As SnapTrade posts it: bytes that no JSON printer of ours would write, and a signature over them. */
function signed(eventType: string) {
  const body = Buffer.from(JSON.stringify(makeEvent(eventType, new Date(), { note: "zoë 😀" }), null, 1));
  const signature = createHmac("sha256", testSettings.SNAPTRADE_CONSUMER_KEY).update(body).digest("base64");
  return { body, signature, id: (JSON.parse(body.toString()) as { webhookId: string }).webhookId };
}
const sentTo = (path: string) =>
  receiver.at(path).map(({ body, headers }) => [body, headers.signature ?? null] as const);

async function makeDue() {
  const db = await database();
  await db.update(webhookRelays).set({ runAt: new Date(0) });
}

test("a webhook reaches every listener with its exact bytes and signature, until each has accepted it", async () => {
  const { body, signature } = signed("CONNECTION_BROKEN");
  receiver.answer("/two", fail(503));
  // A copy that SnapTrade sends meanwhile is stored and relayed once.
  for (const copy of [body, body]) expect(await receiveEvent(copy, signature)).toBe("stored");
  await deliverRelays();
  const sent = [body.toString("latin1"), signature];
  expect(sentTo("/one")).toEqual([sent]);
  const db = await database();
  const [left, ...more] = await db.select().from(webhookRelays);
  expect([left?.attempts, left?.lastError, more.length]).toEqual([1, "status 503", 0]);
  expect(JSON.stringify(left)).not.toContain(body.toString("base64").slice(0, 40));
  receiver.answer("/two", accept);
  await makeDue();
  await deliverRelays();
  expect(sentTo("/two")).toEqual([sent, sent]);
  expect(await db.$count(webhookRelays)).toBe(0);
});

test("a listener that is done with a webhook can forward it to us, bytes and header, as if SnapTrade had", async () => {
  const { body, signature, id } = signed("CONNECTION_ADDED");
  await receiveEvent(body, signature);
  await deliverRelays();
  const [[relayed, header] = ["", null]] = sentTo("/one").slice(-1);
  const bytes = Buffer.from(relayed, "latin1");
  expect(isSignedBySnapTrade(bytes, null, String(header))).toBe(true);
  expect(await receiveEvent(bytes, String(header))).toBe("stored");
  expect(await storedEvent({ webhookId: id })).toBeDefined();
  expect(await receiveEvent(bytes, "forged")).toBe("not-signed");
});

test("nothing that SnapTrade didn't sign is relayed", async () => {
  const before = sentTo("/one").length;
  expect(await receiveEvent(signed("CONNECTION_ADDED").body, "forged")).toBe("not-signed");
  await deliverRelays();
  expect(sentTo("/one")).toHaveLength(before);
});
