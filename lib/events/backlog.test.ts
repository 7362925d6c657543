import { expect, test } from "vitest";
import { metrics, setTelemetry, type Telemetry } from "@/lib/base/telemetry";
import { transaction } from "@/lib/db/client";
import { fail, withReceiver } from "@/lib/testing/receiver";
import { withNoEvents } from "@/lib/testing/events";
import { testSettings } from "@/lib/testing/unique";
import { makeConnections } from "@/lib/testing/webhooks";
import { withDatabase } from "@/lib/testing/with-database";
import { measureDeliveries } from "./backlog";
import { deliverEvents } from "./deliver";
import { addEndpoint } from "./endpoints";
import { recordEvents } from "./record";

Object.assign(process.env, testSettings, { EVENTS_ALLOW_PRIVATE: "true" });
withDatabase();
const receiver = withReceiver();

withNoEvents();

async function happen() {
  const { userId, ids } = await makeConnections(1, new Date());
  const event = { type: "connection.fixed" as const, userId, at: new Date(), data: {} };
  await transaction((tx) => recordEvents(tx, [{ ...event, connectionId: ids[0] ?? null }]));
}

const hours = (n: number) => new Date(Date.now() + n * 3_600_000);

test("each attempt is counted, and an endpoint that fails is seen to fall behind, until it is paused", async () => {
  const counted: unknown[] = [];
  const nothing = () => undefined;
  setTelemetry({
    count: (name: keyof typeof metrics, by: number, attributes: object) =>
      counted.push([name, by, attributes]),
    record: nothing,
    observe: nothing,
    flush: () => Promise.resolve(),
    span: (_name: string, _attributes: object, work: () => Promise<unknown>) => work(),
  } as unknown as Telemetry);
  await addEndpoint(receiver.url("/works"), null, new Date());
  await happen();
  await deliverEvents();
  expect(await measureDeliveries(hours(2))).toEqual({ behindSeconds: 0, paused: 0 });

  receiver.answer("/fails", fail(503));
  await addEndpoint(receiver.url("/fails"), null, new Date());
  await happen();
  await deliverEvents();
  const { behindSeconds } = await measureDeliveries(hours(2));
  expect(Math.round(behindSeconds / 3_600)).toBe(2);

  receiver.answer("/gone", fail(410));
  await addEndpoint(receiver.url("/gone"), null, new Date());
  await happen();
  await deliverEvents();
  expect(await measureDeliveries(hours(0))).toMatchObject({ paused: 1 });
  setTelemetry(undefined);
  const sent = (result: string) => ["reconnect.deliveries", 1, { type: "event", result }];
  expect(counted.filter((one) => JSON.stringify(one) === JSON.stringify(sent("delivered")))).toHaveLength(3);
  expect(counted).toContainEqual(sent("failed"));
});
