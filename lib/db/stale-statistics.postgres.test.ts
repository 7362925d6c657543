import { expect, test } from "vitest";
import { countQuarters } from "@/lib/connections/observations/usual-breaks";
import { countWatched } from "@/lib/reconcile/candidates";
import { openDirect } from "@/lib/testing/direct";
import { testSettings } from "@/lib/testing/unique";
import { at, makeConnections } from "@/lib/testing/webhooks";
import { withDatabase } from "@/lib/testing/with-database";
import { claim } from "@/lib/webhooks/claim";
import { finish } from "@/lib/webhooks/finish";
import { transaction } from "./client";

Object.assign(process.env, testSettings);
withDatabase();

const rows = 10_000;
/** Far more than any of them needs; a plan for an empty table takes longer than this. */
const withinMs = 3_000;

/** A table that the planner believes to be nearly empty, with this many rows: what a burst leaves behind. */
async function burst(table: string, insert: string, values: unknown[] = []) {
  const direct = await openDirect();
  await direct.query(`alter table ${table} set (autovacuum_enabled = false)`);
  await direct.query(insert, values);
  await direct.query(`delete from ${table} where ctid < (select max(ctid) from ${table})`);
  await direct.query(`vacuum (analyze) ${table}`);
  await direct.query(insert, values);
  await direct.end();
}

async function timed<T>(work: () => Promise<T>): Promise<T> {
  const startedAt = Date.now();
  const result = await work();
  expect(Date.now() - startedAt).toBeLessThan(withinMs);
  return result;
}

test("a burst of events is claimed and finished in bounded batches", async () => {
  const { userId } = await makeConnections(1, at(0));
  await burst(
    "inbox_events",
    `insert into inbox_events (id, type, snaptrade_user_id, received_at, run_at, payload)
     select gen_random_uuid()::text, 'CONNECTION_UPDATED', 'person ' || n % 4, $1, $1, repeat('x', 400)
     from generate_series(1, ${rows}) as n`,
    [at(1)],
  );
  const { events } = await timed(() => claim(at(10), ""));
  expect(events.length).toBeGreaterThan(400);
  expect(events.length).toBeLessThanOrEqual(500);
  const among = await timed(() => claim(at(10), "", { among: [userId] }));
  expect(among.events).toEqual([]);
  const outcomes = new Map(events.map(({ id }) => [id, "noted" as const]));
  await timed(() => transaction((tx) => finish(tx, events, outcomes)));
}, 60_000);

test("a burst of changes to the number of watched people is counted", async () => {
  await burst(
    "watched_changes",
    `insert into watched_changes (change) select 1 from generate_series(1, ${rows})`,
  );
  expect(await timed(countWatched)).toBeGreaterThanOrEqual(rows);
}, 60_000);

test("a burst of marked quarters is counted", async () => {
  const { brokerageId } = await makeConnections(1, at(0));
  await burst(
    "quarter_marks",
    `insert into quarter_marks (brokerage_id, quarter) select $1, $2 from generate_series(1, ${rows})`,
    [brokerageId, at(0)],
  );
  await timed(() => countQuarters(at(86_400)));
}, 60_000);
