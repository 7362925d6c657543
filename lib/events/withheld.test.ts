import { beforeEach, expect, test } from "vitest";
import { database, transaction } from "@/lib/db/client";
import { eventDeliveries, eventEndpoints } from "@/lib/db/schema/events";
import { rounds } from "@/lib/db/schema/work";
import { withNoEvents } from "@/lib/testing/events";
import { setMode } from "@/lib/testing/mode";
import { withReceiver } from "@/lib/testing/receiver";
import { testSettings } from "@/lib/testing/unique";
import { makeConnections } from "@/lib/testing/webhooks";
import { withDatabase } from "@/lib/testing/with-database";
import { deliverEvents } from "./deliver";
import { addEndpoint, listEndpoints } from "./endpoints";
import { recordEvents } from "./record";
import { listEvents } from "./stream";

Object.assign(process.env, testSettings, { EVENTS_ALLOW_PRIVATE: "true" });
withDatabase();
const receiver = withReceiver();
withNoEvents();
beforeEach(async () => {
  setMode("live");
  await begin(null);
});

const hourMs = 3_600_000;

async function happen() {
  const { userId, ids } = await makeConnections(1, new Date());
  const about = { type: "connection.needs_owner" as const, userId, connectionId: ids[0] ?? null };
  await transaction((tx) => recordEvents(tx, [{ ...about, at: new Date(), data: {} }]));
}

/** As if all rounds since then had run in shadow mode. */
async function begin(shadowSince: Date | null) {
  const db = await database();
  await db.update(rounds).set({ shadowSince });
}

/** As if this much time had passed in shadow mode for everything that waits. */
async function pass(ms: number) {
  const db = await database();
  await db.update(eventDeliveries).set({ runAt: new Date(Date.now() - ms) });
  await begin(new Date(Date.now() - ms));
}

test("what was due before shadow mode isn't delivered once it has been withheld for an hour, but can be read", async () => {
  await addEndpoint(receiver.url("/late"), null, new Date());
  await happen();
  setMode("shadow");
  await deliverEvents();
  await pass(2 * hourMs);
  await deliverEvents();
  setMode("live");
  await deliverEvents();
  expect(receiver.at("/late")).toEqual([]);
  expect(await listEndpoints()).toMatchObject([{ waiting: 0, dead: 1 }]);
  expect(await listEvents(null, 10, new Date())).toMatchObject([{ type: "connection.needs_owner" }]);
});

test("what was withheld for less than an hour is delivered", async () => {
  await addEndpoint(receiver.url("/soon"), null, new Date());
  await happen();
  setMode("shadow");
  await deliverEvents();
  await pass(hourMs / 2);
  await deliverEvents();
  expect(receiver.at("/soon")).toEqual([]);
  setMode("live");
  await deliverEvents();
  expect(receiver.at("/soon")).toHaveLength(1);
});

test("a minute in shadow mode gives up nothing, however long ago it was due", async () => {
  await addEndpoint(receiver.url("/minute"), null, new Date());
  await happen();
  setMode("shadow");
  await deliverEvents();
  await pass(48 * hourMs);
  await begin(new Date(Date.now() - 60_000));
  await deliverEvents();
  setMode("live");
  await deliverEvents();
  expect(receiver.at("/minute")).toHaveLength(1);
});

test("what waits for a paused endpoint is withheld by the pause, not by shadow mode", async () => {
  await addEndpoint(receiver.url("/paused"), null, new Date());
  await happen();
  await (await database()).update(eventEndpoints).set({ pausedAt: new Date() });
  setMode("shadow");
  await deliverEvents();
  await pass(48 * hourMs);
  await deliverEvents();
  expect(await listEndpoints()).toMatchObject([{ waiting: 1, dead: 0 }]);
});
