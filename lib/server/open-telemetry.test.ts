import { eq } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { count, flushTelemetry, metrics, setTelemetry, span } from "@/lib/base/telemetry";
import { database, transaction } from "@/lib/db/client";
import { users } from "@/lib/db/schema/users";
import { sendDueNotices } from "@/lib/notifications/send";
import { reconcile } from "@/lib/reconcile/round";
import { forgetLooks, withWorld } from "@/lib/testing/connections";
import { startOtlpReceiver } from "../../e2e/support/otlp-receiver";
import { deliver, makeEvent } from "@/lib/testing/webhooks";
import { withDatabase } from "@/lib/testing/with-database";
import { receiveEvent } from "@/lib/webhooks/inbox";
import { processInbox } from "@/lib/webhooks/process";
import { startTelemetry } from "./open-telemetry";

withDatabase();
const { emulator, makePerson } = withWorld();
let receiver: Awaited<ReturnType<typeof startOtlpReceiver>>;

beforeAll(async () => {
  receiver = await startOtlpReceiver();
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = receiver.url;
  // The library refuses an interval this short unless the time limit of an export is shorter still.
  process.env.OTEL_METRIC_EXPORT_INTERVAL = "5000";
  startTelemetry();
});
afterAll(async () => {
  setTelemetry(undefined);
  await receiver.close();
});

/** What SnapTrade posts about one of these connections, signed with the emulator's key. */
async function report(type: string, snapTradeUserId: string, connectionId: string | undefined) {
  const event = makeEvent(type, new Date(), {
    clientId: process.env.SNAPTRADE_CLIENT_ID,
    userId: snapTradeUserId,
    brokerageAuthorizationId: connectionId,
  });
  expect(await deliver(event, { key: process.env.SNAPTRADE_CONSUMER_KEY })).toBe("stored");
  return String(event.webhookId);
}

test("one webhook's receipt, its effect, and its announcement are one trace, and every metric arrives", async () => {
  const { userId, path, ids } = await makePerson();
  const db = await database();
  const [person] = await db
    .update(users)
    .set({ quietFrom: 0, quietTo: 0 })
    .where(eq(users.id, userId))
    .returning();
  const snapTradeUserId = path.replace("/users/", "");
  await emulator.post(`${path}/connections/${ids[0]}/break`);
  const eventId = await report("CONNECTION_BROKEN", snapTradeUserId, ids[0]);
  await processInbox();
  expect(await receiveEvent(Buffer.from("{}"), "wrong")).toBe("not-signed");
  await forgetLooks();
  await reconcile();
  await sendDueNotices(new Date(Date.now() + 86_400_000));
  count("reconnect.round.failures", { step: "looks" });
  await flushTelemetry();

  expect(receiver.refused).toEqual([]);
  expect([...receiver.services]).toEqual(["reconnect"]);
  const receipt = receiver.spans.find(({ name }) => name === "webhook receive");
  expect(receipt?.parentSpanId ?? "").toBe("");
  const trace = receiver.spans.filter(({ traceId }) => traceId === receipt?.traceId);
  expect(trace.map(({ name }) => name).sort()).toEqual([
    "webhook announce",
    "webhook apply",
    "webhook receive",
  ]);
  for (const { name, parentSpanId } of trace)
    if (name !== "webhook receive") expect(parentSpanId, name).toBe(receipt?.spanId);
  const round = receiver.spans.find(({ name }) => name === "round");
  const steps = receiver.spans.filter(({ parentSpanId }) => parentSpanId === round?.spanId);
  expect(steps.map(({ name }) => name)).toContain("round looks");

  const points = [...receiver.points.values()];
  const valueOf = (name: string, attributes: object) =>
    points.find((point) => {
      return point.name === name && JSON.stringify(point.attributes) === JSON.stringify(attributes);
    })?.value;
  expect([...new Set(points.map(({ name }) => name))].sort()).toEqual(Object.keys(metrics).sort());
  for (const { name, kind } of points) expect(kind, name).toBe(metrics[name as keyof typeof metrics].kind);
  expect(valueOf("reconnect.webhook.receipts", { receipt: "stored" })).toBe(1);
  expect(valueOf("reconnect.webhook.receipts", { receipt: "not-signed" })).toBe(1);
  expect(valueOf("reconnect.webhook.receipts", { receipt: "away" })).toBe(0);
  expect(valueOf("reconnect.webhook.events", { type: "CONNECTION_BROKEN", outcome: "applied" })).toBe(1);
  expect(valueOf("reconnect.webhook.waiting", {})).toBe(0);
  expect(valueOf("reconnect.webhook.dead", {})).toBe(0);
  expect(valueOf("reconnect.deliveries", { type: "event", result: "failed" })).toBe(0);
  expect(valueOf("reconnect.deliveries.behind", {})).toBe(0);
  expect(valueOf("reconnect.endpoints.paused", {})).toBe(0);
  expect(valueOf("reconnect.episodes", { change: "begun" })).toBe(1);
  expect(valueOf("reconnect.looks", { source: "timer", result: "made" })).toBeGreaterThan(0);
  expect(valueOf("reconnect.budget.calls", { audience: "background", result: "admitted" })).toBeGreaterThan(
    0,
  );
  expect(valueOf("reconnect.notifications", { result: "sent" })).toBe(1);
  expect(valueOf("reconnect.round.duration", {})).toBe(1);

  const sent = receiver.bodies.join("\n");
  for (const hidden of [userId, snapTradeUserId, ids[0], eventId, person?.email])
    expect(sent.includes(hidden ?? "?")).toBe(false);
});

test("what a transaction counts is dropped when it is rolled back", async () => {
  const failed = transaction(() => {
    count("reconnect.episodes", { change: "rolled-back" });
    return Promise.reject(new Error("Rolled back"));
  });
  await expect(failed).rejects.toThrow("Rolled back");
  await transaction(() => {
    count("reconnect.episodes", { change: "kept" });
    return Promise.resolve();
  });
  await flushTelemetry();
  const changes = [...receiver.points.values()].map(({ attributes }) => attributes.change);
  expect(changes).toContain("kept");
  expect(changes).not.toContain("rolled-back");
});

test("an error is reported by its type alone, and passed on", async () => {
  const failing = span("failing", {}, () => Promise.reject(new TypeError("a secret message")));
  await expect(failing).rejects.toThrow("a secret message");
  await flushTelemetry();
  expect(receiver.spans.find(({ name }) => name === "failing")?.status).toEqual({
    code: 2,
    message: "TypeError",
  });
  expect(receiver.bodies.join("\n")).not.toContain("a secret message");
});

test("a receiver that is away delays nothing and breaks nothing", async () => {
  await receiver.close();
  expect(await span("unheard", {}, () => Promise.resolve(7))).toBe(7);
  await flushTelemetry();
});
