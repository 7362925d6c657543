import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { Pool } from "pg";
import { run } from "../../support/ground.mjs";
import { startPostgres } from "../../support/postgres";
import { settingsFor } from "../../support/processes";
import { freePorts } from "./app";
import { check, type Findings, type Query } from "./check";
import { crashWhileMailing } from "./mail";
import type { startPosting } from "./posting";
import { setScene } from "./scene";

/** How often each process is killed, and how many people are mailed meanwhile. */
export interface Kills {
  appOnPostgres: number;
  postgres: number;
  appOnPglite: number;
  mailed: number;
}

/**
 * Kills the app and the database while events are posted, and compares what is stored with what was
 * acknowledged. Then kills the app while it mails, and counts the e-mails.
 * @returns false when anything is missing or duplicated
 */
export async function runCrashes(kills: Kills): Promise<boolean> {
  const onPostgres = await crashOnPostgres(kills);
  const onPglite = await crashOnPglite(kills.appOnPglite);
  const mailing = await crashWhileMailing(kills.mailed);
  return onPostgres && onPglite && mailing;
}

async function crashOnPostgres({ appOnPostgres, postgres: databaseKills }: Kills): Promise<boolean> {
  const postgres = await startPostgres();
  const ports = await freePorts();
  const settings = { DATABASE_URL: postgres.url, LOG_LEVEL: "silent", RECONCILE_IN_PROCESS: "false" };
  if (!run("npm", ["run", "--silent", "db:migrate"], { ...settingsFor(ports), ...settings }))
    throw new Error("No migration");
  const scene = await setScene(ports, settings);
  for (let kill = 0; kill < appOnPostgres; kill++) await scene.killApp();
  for (let kill = 0; kill < databaseKills; kill++) {
    await scene.posting.until(50 + Math.random() * 200);
    await postgres.crash();
  }
  await scene.posting.until(100);
  await scene.posting.finish();

  const pool = new Pool({ connectionString: postgres.url, max: 1 });
  const query: Query = async (statement) => (await pool.query<Record<string, unknown>>(statement)).rows;
  await query(endLeases);
  await scene.app.reconcile();
  const findings = await check(query, scene.posting.acknowledged, scene.connectionIds);
  await pool.end();
  await scene.stop();
  await postgres.stop();
  return report(
    `PostgreSQL, app killed ${appOnPostgres} times, database ${databaseKills} times`,
    scene.posting,
    findings,
  );
}

async function crashOnPglite(kills: number): Promise<boolean> {
  const folder = await mkdtemp(path.join(tmpdir(), "reconnect-crash-"));
  const ports = await freePorts();
  const scene = await setScene(ports, {
    DATABASE_URL: `pglite:${folder}`,
    LOG_LEVEL: "silent",
    RECONCILE_IN_PROCESS: "false",
  });
  for (let kill = 0; kill < kills; kill++) await scene.killApp();
  await scene.posting.until(50);
  await scene.posting.finish();

  await scene.app.stop();
  await withPglite(folder, (query) => query(endLeases));
  await scene.app.start();
  await scene.app.reconcile();
  await scene.stop();
  const findings = await withPglite(folder, (query) =>
    check(query, scene.posting.acknowledged, scene.connectionIds),
  );
  await rm(folder, { recursive: true, force: true });
  return report(`PGlite, app killed ${kills} times`, scene.posting, findings);
}

/** A killed process's leases expire after a minute; this skips the wait. */
const endLeases = "update inbox_events set run_at = now(), locked_until = null where state = 'waiting'";

async function withPglite<T>(folder: string, work: (query: Query) => Promise<T>): Promise<T> {
  const database = await PGlite.create(path.join(folder, "data"));
  try {
    return await work(async (statement) => (await database.query<Record<string, unknown>>(statement)).rows);
  } finally {
    await database.close();
  }
}

function report(
  what: string,
  { acknowledged, counts }: ReturnType<typeof startPosting>,
  findings: Findings,
): boolean {
  const { stored, missing, notDone, notApplied, wrongEpisodes } = findings;
  console.log(
    `${what}: ${acknowledged.size} acknowledged, ${counts.unanswered} unanswered, ${counts.refused} refused and resent; ` +
      `${stored} stored, ${missing} missing, ${notDone} not processed, ${notApplied} not applied exactly once, ${wrongEpisodes} connections with wrong episodes`,
  );
  return missing + notDone + notApplied + wrongEpisodes === 0;
}
