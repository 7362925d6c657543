import { setTimeout as wait } from "node:timers/promises";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { requestForgetting } from "@/lib/account/delete";
import { database } from "@/lib/db/client";
import { eventDeliveries, eventEndpoints, events } from "@/lib/db/schema/events";
import { testSettings } from "@/lib/testing/unique";
import { makeUser, withDatabase } from "@/lib/testing/with-database";
import { claimDeliveries, recordFailed } from "./claim";
import { addEndpoint, removeEndpoint } from "./endpoints";
import { NotDelivered } from "./post";
import { publishEvents } from "./publish";

Object.assign(process.env, testSettings, { EVENTS_ALLOW_PRIVATE: "true" });
withDatabase();

const run = async (statement: string) => (await database()).execute(sql.raw(statement));

beforeAll(() =>
  run(`create function dawdle() returns trigger language plpgsql as
    $$ begin perform pg_sleep(0.2); return coalesce(new, old); end $$`),
);

beforeEach(async () => {
  for (const table of ["events", "event_deliveries"]) await run(`drop trigger if exists dawdle on ${table}`);
  const db = await database();
  await db.delete(eventEndpoints);
  await db.delete(events);
});

/** Each write of a row takes a moment after it is locked, so that two transactions meet. */
const slowDown = (table: "events" | "event_deliveries") =>
  run(`create trigger dawdle before update or delete on ${table} for each row execute function dawdle()`);

afterAll(async () => {
  // The server reports its counters a moment later.
  await wait(1_000);
  await run("select pg_stat_force_next_flush()");
  const found: unknown = await run(
    "select deadlocks::int as count from pg_stat_database where datname = current_database()",
  );
  expect((found as { rows: { count: number }[] }).rows).toEqual([{ count: 0 }]);
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

test("a failed delivery, which moves the rest of its line, never deadlocks with deleting the person", async () => {
  const { id } = await addEndpoint("http://127.0.0.1:9/", null, new Date());
  const userId = await personWithEvents(5);
  await publishEvents(new Date());
  const [delivery] = await claimDeliveries(id, 1, new Date());
  if (!delivery) throw new Error("Nothing was claimed");
  await slowDown("event_deliveries");
  const failing = recordFailed(delivery, new NotDelivered("no"), new Date());
  await wait(300);
  await requestForgetting(userId, new Date());
  await failing;
  expect(await countOf(eventDeliveries)).toBe(0);
}, 60_000);

test("a failed delivery never deadlocks with removing its endpoint", async () => {
  const { id } = await addEndpoint("http://127.0.0.1:9/", null, new Date());
  await personWithEvents(5);
  await publishEvents(new Date());
  const [delivery] = await claimDeliveries(id, 1, new Date());
  if (!delivery) throw new Error("Nothing was claimed");
  await slowDown("event_deliveries");
  const failing = recordFailed(delivery, new NotDelivered("no"), new Date());
  await wait(300);
  await removeEndpoint(id, new Date());
  await failing;
  expect(await countOf(eventDeliveries)).toBe(0);
}, 60_000);

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
