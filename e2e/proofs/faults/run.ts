import { Client, Pool } from "pg";
import { run } from "../../support/ground.mjs";
import { startPostgres, type Postgres } from "../../support/postgres";
import { settingsFor } from "../../support/processes";
import { startSwitch } from "../../support/switch";
import { freePorts } from "../crash/app";
import { check, type Query } from "../crash/check";
import { setScene } from "../crash/scene";
import { startWatch } from "./watch";

/** How long each fault lasts. */
const faultMs = 5_000;
/** Requests that begin this soon after a fault may still be served by what is left of the database. */
const noticedWithinMs = 500;
/** A page takes at most this long to say that it can't be shown. */
const answeredWithinMs = 5_000;
/** Pages, health, and webhooks must work again this soon after the fault ends. */
const backWithinMs = 20_000;

interface Fault {
  name: string;
  begin: () => unknown;
  end: () => unknown;
  /** False if webhooks can still be stored, and are therefore acknowledged. */
  stopsWebhooks?: boolean;
}

type Scene = Awaited<ReturnType<typeof setScene>>;
type Watch = ReturnType<typeof startWatch>;

/**
 * Makes the production build's database fail in every way we know while pages are opened and webhooks arrive.
 * @returns false if a page answered anything but 503, took too long, or didn't recover, or if an event was
 * lost
 */
export async function runFaults(): Promise<boolean> {
  const postgres = await startPostgres();
  const admin = postgres.url;
  await within(admin, async (client) => {
    await client.query("create role app login password 'app'");
    await client.query("create database reconnect owner app");
  });
  const address = await startSwitch(Number(new URL(admin).port));
  const ports = await freePorts();
  const settings = {
    DATABASE_URL: `postgres://app:app@localhost:${address.port}/reconnect`,
    LOG_LEVEL: "silent",
    RECONCILE_IN_PROCESS: "false",
  };
  // Not through the switch, which carries nothing while this process waits for the command.
  const direct = {
    ...settings,
    DATABASE_URL: `postgres://app:app@localhost:${new URL(admin).port}/reconnect`,
  };
  if (!run("npm", ["run", "--silent", "db:migrate"], { ...settingsFor(ports), ...direct }))
    throw new Error("No migration");
  const scene = await setScene(ports, settings, { parallel: 4, pauseMs: 20 });
  await scene.app.reconcile();
  const watch = startWatch(scene.app.url, scene.person.visitor.cookieHeader());

  let fine = true;
  for (const fault of faultsOf(postgres, inDatabase(admin))) fine = (await play(fault, scene, watch)) && fine;
  const standby = await postgres.addStandby();
  const failedOver: Fault = {
    name: "failed over to a read-only standby, then promoted",
    begin: () => {
      postgres.freeze();
      address.turn(standby.port);
    },
    end: standby.promote,
  };
  fine = (await play(failedOver, scene, watch)) && fine;
  await watch.stop();

  await scene.posting.until(50);
  await scene.posting.finish();
  const after = inDatabase(admin);
  after.port = String(standby.port);
  const pool = new Pool({ connectionString: after.href, max: 1 });
  const query: Query = async (statement) => (await pool.query<Record<string, unknown>>(statement)).rows;
  await query("update inbox_events set run_at = now(), locked_until = null where state = 'waiting'");
  await scene.app.reconcile();
  const findings = await check(query, scene.posting.acknowledged, scene.connectionIds);
  await pool.end();
  await scene.stop();
  address.close();
  await standby.stop();
  postgres.thaw();
  await postgres.stop();

  const { stored, missing, notDone, notApplied, wrongEpisodes } = findings;
  console.log(
    `After all faults: ${scene.posting.acknowledged.size} events acknowledged, ${stored} stored, ${missing} missing, ` +
      `${notDone} not processed, ${notApplied} not applied exactly once, ${wrongEpisodes} connections with wrong episodes`,
  );
  return fine && missing + notDone + notApplied + wrongEpisodes === 0;
}

function faultsOf(postgres: Postgres, database: URL): Fault[] {
  const admin = postgres.url;
  let holder: Client | null = null;
  return [
    { name: "stopped, and started again", begin: postgres.shutDown, end: postgres.startUp },
    {
      name: "frozen",
      begin: postgres.freeze,
      end: postgres.thaw,
    },
    {
      name: "out of connections",
      begin: () =>
        within(admin, async (client) => {
          await client.query("alter role app connection limit 0");
          await client.query("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'app'");
        }),
      end: () => within(admin, (client) => client.query("alter role app connection limit -1")),
    },
    {
      name: "connections and users locked",
      begin: async () => {
        holder = new Client({ connectionString: database.href });
        await holder.connect();
        await holder.query("begin; lock table connections, users in access exclusive mode");
      },
      end: async () => holder?.end(),
      stopsWebhooks: false,
    },
    {
      name: "set to read-only",
      begin: () =>
        within(admin, async (client) => {
          await client.query("alter system set default_transaction_read_only = on");
          await client.query("select pg_reload_conf()");
        }),
      end: () =>
        within(admin, async (client) => {
          await client.query("set default_transaction_read_only = off");
          await client.query("alter system reset default_transaction_read_only");
          await client.query("select pg_reload_conf()");
        }),
    },
  ];
}

async function play(fault: Fault, { posting }: Scene, watch: Watch): Promise<boolean> {
  await posting.until(20);
  const acknowledged = posting.acknowledged.size;
  await fault.begin();
  const beganAt = Date.now();
  await new Promise((resolve) => setTimeout(resolve, noticedWithinMs));
  const refusedBefore = posting.counts.refused + posting.counts.unanswered;
  const acknowledgedEarly = posting.acknowledged.size;
  await new Promise((resolve) => setTimeout(resolve, faultMs));
  const acknowledgedMeanwhile = posting.acknowledged.size - acknowledgedEarly;
  const refused = posting.counts.refused + posting.counts.unanswered - refusedBefore;
  const overAt = Date.now();
  await fault.end();

  const page = await watch.until("page", 200, overAt);
  const healthy = await watch.until("health", 200, overAt);
  const back = page && healthy ? Date.now() - overAt : null;
  await posting.until(20);
  const webhooksBack = Date.now() - overAt;
  // By now, everything that began during the fault has been answered or counts as unanswered.
  await new Promise((resolve) => setTimeout(resolve, 500));
  const during = (what: string) =>
    watch.seen.filter(
      (one) =>
        one.what === what && one.startedAt > beganAt + noticedWithinMs && one.startedAt + one.ms < overAt,
    );
  const pages = during("page");
  const says = pages.filter(
    ({ status, body }) => status === 503 && body.includes("get to your data right now"),
  );
  const early = watch.seen.filter(
    ({ what, startedAt, status }) =>
      what === "page" &&
      startedAt > beganAt - 200 &&
      startedAt <= beganAt + noticedWithinMs &&
      status !== 503,
  );
  const health = during("health");
  const unhealthy = health.filter(({ status }) => status === 503);
  const slowest = Math.max(0, ...pages.map(({ ms }) => ms), ...health.map(({ ms }) => ms));
  const webhooksRight = fault.stopsWebhooks === false || acknowledgedMeanwhile === 0;
  const fine =
    pages.length > 0 &&
    says.length === pages.length &&
    unhealthy.length === health.length &&
    slowest <= answeredWithinMs &&
    webhooksRight &&
    back !== null &&
    Math.max(back, webhooksBack) <= backWithinMs;
  console.log(
    `${fine ? "ok" : "FAILED"} ${fault.name}: ${says.length} of ${pages.length} pages answered 503, ` +
      `${unhealthy.length} of ${health.length} health checks, slowest ${slowest} ms; ` +
      `${early.length} pages in the first ${noticedWithinMs} ms answered something else (${countsOf(early)}); ` +
      `${refused} webhooks refused, ${acknowledgedMeanwhile} acknowledged (${acknowledged} before); ` +
      `pages back after ${back ?? "never"} ms, webhooks after ${webhooksBack} ms`,
  );
  return fine;
}

function countsOf(seen: { status: number | null }[]): string {
  const counts = new Map<string, number>();
  for (const { status } of seen) counts.set(String(status), (counts.get(String(status)) ?? 0) + 1);
  return [...counts].map(([status, count]) => `${count} × ${status}`).join(", ") || "none";
}

function inDatabase(admin: string): URL {
  const url = new URL(admin);
  url.pathname = "/reconnect";
  return url;
}

async function within<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
