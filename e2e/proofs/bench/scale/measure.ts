import { Pool } from "pg";
import { finishForgetting } from "@/lib/account/delete";
import { getConnectionDetail } from "@/lib/connections/pages/detail";
import { listConnectionViews } from "@/lib/connections/pages/list";
import { observe } from "@/lib/connections/observations/observe";
import { database, openDatabase } from "@/lib/db/client";
import { migrateDatabase } from "@/lib/db/migrate";
import { follow } from "@/lib/live";
import { countUnread, listNotices } from "@/lib/notifications/data";
import { listDuePeople } from "@/lib/notifications/due";
import { holdNotices, releaseNotices } from "@/lib/notifications/holds";
import { reconcile } from "@/lib/reconcile/round";
import { readHealth } from "@/lib/server/health";
import { claim, release } from "@/lib/webhooks/claim";
import { receiveEvent } from "@/lib/webhooks/inbox";
import { processInbox } from "@/lib/webhooks/process";
import { eventOf, signed } from "../../../support/sender";
import { fill, fillEvents } from "./fill";
import { startOutside } from "./outside";
import type { Measured } from "./sizes";

/**
 * Fills one database and measures each operation in it with the app's own code: pages read and time spent in
 * the database, according to pg_stat_statements. Prints one line of JSON per operation.
 */

const [people = 0, breaksPerYear = 0, heartbeatDays = 0, breaks = 0] = process.argv.slice(2).map(Number);
const url = process.env.DATABASE_URL ?? "";
const direct = new Pool({ connectionString: url, max: 1 });
const run = (statement: string, values: unknown[] = []) => direct.query(statement, values);
const times = 20;

async function rows<Row>(statement: string, values: unknown[] = []): Promise<Row[]> {
  return (await run(statement, values)).rows as Row[];
}

/**
 * Runs `work`, and prints how much its statements read and how long they took, divided by how many things it
 * did: `per`, or the number that it returns.
 */
async function measure(name: string, per: number | "each", work: () => Promise<unknown>): Promise<void> {
  await run("select pg_stat_statements_reset()");
  const startedAt = performance.now();
  const done = await work();
  const wallMs = performance.now() - startedAt;
  const count = per === "each" ? Math.max(1, Number(done)) : per;
  const [sum] = await rows<{ pages: string; ms: string }>(
    `select coalesce(sum(shared_blks_hit + shared_blks_read), 0) as pages, coalesce(sum(total_exec_time), 0) as ms
     from pg_stat_statements where dbid = (select oid from pg_database where datname = current_database()) and query not like '%pg_stat_statements%'`,
  );
  const line: Measured = {
    name,
    pages: Number(sum?.pages) / count,
    ms: Number(sum?.ms) / count,
    wallMs: wallMs / count,
  };
  console.log(JSON.stringify(line));
  if (process.env.SCALE_TOP) await printTop();
}

async function printTop(): Promise<void> {
  const top = await rows<object>(
    `select calls, shared_blks_hit + shared_blks_read as pages, round(total_exec_time) as ms, left(regexp_replace(query, '\\s+', ' ', 'g'), 160) as query
     from pg_stat_statements where query not like '%pg_stat_statements%' order by total_exec_time desc limit ${Number(process.env.SCALE_TOP)}`,
  );
  console.error(top);
}

interface Owner {
  user_id: string;
  id: string;
  snaptrade_user_id: string;
}

/** People with a working connection each; the same ones in every run. */
function listOwners(count: number, salt: string): Promise<Owner[]> {
  return rows<Owner>(
    `select distinct on (user_id) user_id, id, snaptrade_user_id from (
       select connections.user_id, id, snaptrade_user_id from connections join snaptrade_users using (user_id)
       where state = 'enabled' and gone_at is null order by md5(id::text || $2) limit $1 * 3
     ) as candidates order by user_id limit $1`,
    [count, salt],
  );
}

async function measurePages(): Promise<void> {
  const owners = await listOwners(times, "pages");
  const moment = { now: new Date(), dayStartedAt: new Date() };
  const each = (work: (owner: Owner) => Promise<unknown>) => async () => {
    for (const owner of owners) await work(owner);
  };
  await each(({ user_id }) => listConnectionViews(user_id, moment))();
  await measure(
    "connections_page",
    times,
    each(({ user_id }) => listConnectionViews(user_id, moment)),
  );
  await measure(
    "detail_page",
    times,
    each(({ user_id, id }) => getConnectionDetail(user_id, id, moment)),
  );
  await measure(
    "notifications_page",
    times,
    each(async ({ user_id }) => [await listNotices(user_id), await countUnread(user_id)]),
  );
  await measure(
    "health",
    times,
    each(() => readHealth(new Date(), new Date())),
  );
}

async function measureRounds(): Promise<void> {
  const round = async () => {
    await run("truncate snaptrade_calls");
    await run("update rounds set locked_until = 'epoch'");
    const counts = await reconcile(new Date());
    if (!counts || counts.failed.length > 0 || counts.looks?.made === 0)
      throw new Error(`A round failed: ${JSON.stringify(counts)}`);
  };
  await outside.admit(run);
  await round();
  for (const name of ["round", "round_again"]) {
    await outside.admit(run);
    await measure(name, 1, round);
  }
}

async function measureEvents(): Promise<void> {
  const owners = await listOwners(times, "break");
  await measure("one_break", times, async () => {
    for (const { user_id, id } of owners) {
      const now = new Date();
      const seen = {
        state: "disabled" as const,
        observedAt: now,
        answeredAt: null,
        disabledAt: null,
        recordedAt: now,
      };
      await observe(user_id, [{ ...seen, connectionId: id, source: "webhook" }]);
    }
  });
  const broken = await listOwners(breaks, "incident");
  const [witness] = broken;
  const heard: number[] = [];
  await follow(witness?.user_id ?? "", (version) => heard.push(version));
  for (let from = 0; from < broken.length; from += 500)
    await Promise.all(
      broken.slice(from, from + 500).map(async ({ snaptrade_user_id, id }) => {
        const { body, signature } = signed(eventOf("CONNECTION_BROKEN", snaptrade_user_id, id, Date.now()));
        const receipt = await receiveEvent(Buffer.from(body), signature);
        if (receipt !== "stored") throw new Error(`An event was ${receipt}`);
      }),
    );
  await measure("claim_events", 1, async () => release((await claim(new Date(), "")).events));
  await measure("incident_per_break", broken.length, async () => {
    while ((await processInbox()).done > 0);
  });
  await measure("incident_begins", 1, () => recordIncident());
  const [counted] = await rows<{ disabled: number; planned: number }>(
    `select count(*)::int as disabled, count(notices.id)::int as planned from connections
     left join episodes on episodes.connection_id = connections.id and ended_at is null left join notices on episode_id = episodes.id and kind = 'broke'
     where connections.id = any($1) and state = 'disabled'`,
    [broken.map(({ id }) => id)],
  );
  if (counted?.disabled !== broken.length || counted.planned < broken.length || heard.length < 2)
    throw new Error(`Not every break arrived: ${JSON.stringify({ ...counted, heard, of: broken.length })}`);
}

async function recordIncident() {
  const { recordIncidents } = await import("@/lib/connections/observations/incidents");
  return recordIncidents(new Date());
}

async function measureNotices(): Promise<void> {
  const later = new Date(Date.now() + 15 * 60_000);
  await measure("due_notices", 1, () => listDuePeople(later));
  await measure("hold_each_notice", "each", () => holdNotices(later));
  await measure("release_notices", 1, () => releaseNotices(later));
}

async function measureDeletion(): Promise<void> {
  const owners = await listOwners(times, "deletion");
  const ids = owners.map(({ user_id }) => user_id);
  await run(
    `insert into former_snaptrade_users (snaptrade_user_id, user_id, why, since, run_at, deleted_at)
     select snaptrade_user_id, user_id, 'account-deleted', now(), now(), now() from snaptrade_users where user_id = any($1)`,
    [ids],
  );
  await run("delete from snaptrade_users where user_id = any($1)", [ids]);
  await run("update users set deletion_requested_at = now(), deletion_run_at = now() where id = any($1)", [
    ids,
  ]);
  await measure("deletion", times, async () => {
    const deleted = await finishForgetting(new Date());
    if (deleted !== times) throw new Error(`${deleted} of ${times} people were deleted`);
  });
}

const outside = await startOutside();
const opened = await openDatabase({
  DATABASE_URL: url,
  DATABASE_DRIVER: undefined,
  NEON_WS_PROXY: undefined,
});
await migrateDatabase(opened);
await opened.close();
await run("create extension if not exists pg_stat_statements");
await fill(run, { people, breaksPerYear });
await fillEvents(run, process.env.SNAPTRADE_CLIENT_ID ?? "", heartbeatDays);
await database();
console.error(`${people} people are in the database`);
await measurePages();
await measureRounds();
await measureEvents();
await measureNotices();
await measureDeletion();
await run("checkpoint");
process.exit(0);
