import { setTimeout as wait } from "node:timers/promises";
import { beforeEach, expect, test } from "vitest";
import { requestForgetting } from "@/lib/account/delete";
import { database } from "@/lib/db/client";
import { eventDeliveries, events } from "@/lib/db/schema/events";
import { expectNoDeadlocks, run, slowDown } from "@/lib/testing/deadlocks";
import { withNoEvents } from "@/lib/testing/events";
import { testSettings } from "@/lib/testing/unique";
import { makeUser, withDatabase } from "@/lib/testing/with-database";
import { claimDeliveries, recordFailed } from "./claim";
import { addEndpoint, removeEndpoint } from "./endpoints";
import { NotDelivered } from "./post";
import { publishEvents } from "./publish";

Object.assign(process.env, testSettings, { EVENTS_ALLOW_PRIVATE: "true" });
withDatabase();

expectNoDeadlocks();
withNoEvents();

beforeEach(async () => {
  for (const table of ["events", "event_deliveries"]) await run(`drop trigger if exists dawdle on ${table}`);
});

/** A person with events about themselves, stored in the order opposite to the one in which they were recorded. */
async function personWithEvents(count: number): Promise<string> {
  const userId = await makeUser({ registered: false });
  for (let recorded = count; recorded > 0; recorded--)
    await run(`insert into events (recorded, type, user_id, at, data)
      values (nextval('events_recorded_seq') + 1000 + 2 * ${recorded - count}, 'user.gone', '${userId}', now(), '{}')`);
  await run("analyze events");
  return userId;
}

const countOf = async (table: typeof events | typeof eventDeliveries) => (await database()).$count(table);

test("publishing a person's events never deadlocks with deleting the person", async () => {
  const userId = await personWithEvents(5);
  await slowDown("events");
  const publishing = publishEvents(new Date());
  await wait(300);
  await requestForgetting(userId, new Date());
  await publishing;
  expect(await countOf(eventDeliveries)).toBe(0);
}, 60_000);

test.each([
  ["deleting the person", (userId: string) => requestForgetting(userId, new Date())],
  ["removing its endpoint", (_: string, endpointId: string) => removeEndpoint(endpointId, new Date())],
])(
  "a failed delivery, which moves the rest of its line, never deadlocks with %s",
  async (_, remove) => {
    const { id } = await addEndpoint("http://127.0.0.1:9/", null, new Date());
    const userId = await personWithEvents(5);
    await publishEvents(new Date());
    const [delivery] = await claimDeliveries(id, 1, new Date());
    if (!delivery) throw new Error("Nothing was claimed");
    await slowDown("event_deliveries");
    const failing = recordFailed(delivery, new NotDelivered("no"), new Date());
    await wait(300);
    await remove(userId, id);
    await failing;
    expect(await countOf(eventDeliveries)).toBe(0);
  },
  60_000,
);

test("events are published while an endpoint is being removed", async () => {
  const { id } = await addEndpoint("http://127.0.0.1:9/", null, new Date());
  await personWithEvents(5);
  await slowDown("events");
  const publishing = publishEvents(new Date());
  await wait(300);
  await removeEndpoint(id, new Date());
  await publishing;
  expect(await countOf(eventDeliveries)).toBe(0);
}, 60_000);
