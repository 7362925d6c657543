import { createHmac } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startEmulator, type Emulator } from "../server/server";
import { createClient } from "../testing";
import type { Delivery } from "../world/model";

interface Received {
  body: string;
  signature: string | undefined;
}

let emulator: Emulator;
let listener: Server;
let received: Received[];
let status: number;

beforeEach(async () => {
  received = [];
  status = 204;
  listener = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      received.push({
        body: Buffer.concat(chunks).toString(),
        signature: request.headers.signature as string | undefined,
      });
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => listener.listen(0, () => resolve()));
  const { port } = listener.address() as AddressInfo;
  emulator = await startEmulator({
    consumerKey: "TEST-CONSUMER-KEY-0001",
    webhookUrl: `http://localhost:${port}/hook`,
  });
});
afterEach(async () => {
  await emulator.close();
  listener.close();
  listener.closeAllConnections();
});

async function call<T>(path: string, body?: object): Promise<T> {
  const answer = await fetch(
    `${emulator.url}/control/api${path}`,
    body ? { method: "POST", body: JSON.stringify(body) } : {},
  );
  return (await answer.json()) as T;
}
const deliveries = () => call<Delivery[]>("/deliveries");
const waitForDeliveries = (count: number) =>
  expect
    .poll(
      async () =>
        (await deliveries()).filter(({ state }) => state !== "under way" && state !== "held").length,
    )
    .toBe(count);
const send = (eventType: string, members: object = {}) =>
  call(`/users/zoë-日本-😀/events`, { eventType, members });

/**
 * Signs the canonical text as in the documentation's sample; these events contain nothing Python would print
 * differently.
 */
function expectedSignature(body: string): string {
  const content = JSON.parse(body) as Record<string, unknown>;
  const sorted = JSON.stringify(
    Object.fromEntries(Object.entries(content).sort(([one], [other]) => (one < other ? -1 : 1))),
  );
  const ascii = sorted.replace(
    /[^\x00-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return createHmac("sha256", "TEST-CONSUMER-KEY-0001").update(ascii).digest("base64");
}

describe("webhooks", () => {
  test.each(["compact", "spaced", "reordered", "unescaped"])(
    "carry the same signature when the body is %s",
    async (form) => {
      await call("/settings", { webhookBody: form });
      await send("SOMETHING_NEW", { note: "plain" });
      await waitForDeliveries(1);
      const [{ body, signature } = { body: "", signature: "" }] = received;
      expect(signature).toBe(expectedSignature(body));
      expect(JSON.parse(body)).toMatchObject({
        eventType: "SOMETHING_NEW",
        userId: "zoë-日本-😀",
        webhookSecret: "emulated-shared-secret",
      });
    },
  );

  test.each(["wrong", "other-key", "missing"])("can carry a signature of the kind %s", async (kind) => {
    await call("/settings", { webhookSignature: kind });
    await send("SOMETHING_NEW");
    await waitForDeliveries(1);
    expect(received[0]?.signature).not.toBe(expectedSignature(received[0]?.body ?? ""));
  });

  test("report a break, a repair, and an addition in the order they happened", async () => {
    const { data: user } = await createClient(emulator).authentication.registerSnapTradeUser({
      userId: "notified",
    });
    const made = await call<{ id: string }>(`/users/${user.userId ?? ""}/connections`, {
      brokerage: "KRAKEN",
      accounts: [{ name: "Spot", number: "1" }],
    });
    await call(`/users/notified/connections/${made.id}/break`, {});
    await call(`/users/notified/connections/${made.id}/fix`, {});
    await waitForDeliveries(5);
    const types = received.map(({ body }) => (JSON.parse(body) as { eventType: string }).eventType);
    expect(types).toEqual([
      "USER_REGISTERED",
      "CONNECTION_ADDED",
      "NEW_ACCOUNT_AVAILABLE",
      "CONNECTION_BROKEN",
      "CONNECTION_FIXED",
    ]);
  });

  test("report each day's holdings update while the connection works", async () => {
    const { data: user } = await createClient(emulator).authentication.registerSnapTradeUser({
      userId: "daily",
    });
    await call(`/users/${user.userId ?? ""}/connections`, {
      brokerage: "KRAKEN",
      accounts: [{ name: "Spot", number: "1" }],
    });
    await call("/users/daily/advance", { seconds: 3 * 86_400 + 60 });
    const events = await call<{ eventType: string }[]>("/events?userId=daily");
    expect(events.filter(({ eventType }) => eventType === "ACCOUNT_HOLDINGS_UPDATED")).toHaveLength(3);
  });

  test.each(["kept", "renewed"])(
    "are retried three times when not accepted, with their timestamp %s",
    async (timestamp) => {
      status = 500;
      await call("/settings", { webhookRetrySpeed: 720_000, webhookRetryTimestamp: timestamp });
      await call("/users/retried/events", { eventType: "SOMETHING_NEW", at: "2026-01-01T00:00:00Z" });
      await expect.poll(async () => (await deliveries())[0]?.state).toBe("given up");
      expect((await deliveries())[0]?.attempts.map((attempt) => attempt.status)).toEqual([
        500, 500, 500, 500,
      ]);
      const ids = received.map(({ body }) => (JSON.parse(body) as { webhookId: string }).webhookId);
      const times = new Set(
        received.map(({ body }) => (JSON.parse(body) as { eventTimestamp: string }).eventTimestamp),
      );
      expect(new Set(ids).size).toBe(1);
      expect(times.size > 1).toBe(timestamp === "renewed");
    },
  );

  test("can be held and released in any order, duplicated, lost, and resent by hand", async () => {
    await call("/settings", { webhooks: "hold" });
    for (const eventType of ["FIRST", "SECOND", "THIRD"]) await send(eventType);
    expect(received).toEqual([]);
    expect(await call("/deliveries/release", { order: "newest" })).toEqual({ sent: 3 });
    expect(received.map(({ body }) => (JSON.parse(body) as { eventType: string }).eventType)).toEqual([
      "THIRD",
      "SECOND",
      "FIRST",
    ]);

    await call("/settings", { webhooks: "send", webhookCopies: 3 });
    await send("DOUBLED");
    await waitForDeliveries(6);
    expect(received.filter(({ body }) => body.includes("DOUBLED"))).toHaveLength(3);

    await call("/settings", { webhookCopies: 1, webhookLossPercent: 100 });
    await send("LOST");
    const lost = (await deliveries()).find(({ event }) => event.eventType === "LOST");
    expect(lost?.state).toBe("dropped");
    await call(`/deliveries/${lost?.id ?? ""}/send`, {});
    expect(received.at(-1)?.body).toContain("LOST");
  });
});
