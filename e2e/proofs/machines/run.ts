import { once } from "node:events";
import { Pool } from "pg";
import { freePort, run } from "../../support/ground.mjs";
import { startPostgres } from "../../support/postgres";
import { settingsFor, startApp, type Running } from "../../support/processes";
import { freePorts } from "../crash/app";
import { check, type Query } from "../crash/check";
import { setScene } from "../crash/scene";
import { openLivePage } from "./live-page";

const pace = { parallel: 4, pauseMs: 10 };
/** How long all three serve before the first one goes, and how long the rest serve after each loss. */
const phaseMs = 5_000;
const stopWithinMs = 10_000;
const hearWithinMs = 2_000;

/**
 * Three processes of the production build on one PostgreSQL, all receiving webhooks and holding open pages.
 * One is killed, then one is asked to stop; the third carries on.
 * @returns false if an acknowledged event is missing or applied twice, an open page of a running process
 * hears nothing, the process asked to stop drops a request, or rounds no longer end
 */
export async function runMachines(): Promise<boolean> {
  const postgres = await startPostgres();
  const ports = await freePorts();
  // Every process has a timer; a lease in the database lets one of them run a round.
  const settings = { DATABASE_URL: postgres.url, LOG_LEVEL: "silent", RECONCILE_IN_PROCESS: "true" };
  if (!run("npm", ["run", "--silent", "db:migrate"], { ...settingsFor(ports), ...settings }))
    throw new Error("No migration");
  const scene = await setScene(ports, settings, pace);
  const others = [await another(), await another()] as const;
  for (const { url } of others) scene.posting.postAlsoTo(url);
  const pool = new Pool({ connectionString: postgres.url, max: 2 });
  const query: Query = async (statement) => (await pool.query<Record<string, unknown>>(statement)).rows;

  const survivor = others[1];
  const pages = await Promise.all(
    [scene.app.url, ...others.map(({ url }) => url)].map((url) =>
      openLivePage(url, scene.person.visitor.cookieHeader()),
    ),
  );
  await pause(phaseMs);
  const heardBefore = pages.map((page) => page.heard());
  await scene.app.kill();
  await pause(phaseMs);
  const heardAfterKill = pages.map((page) => page.heard());

  const load = startRequests(others[0].url);
  await pause(1_000);
  const stopped = await stopGently(others[0], load);
  await pause(phaseMs);
  const lastHeard = pages[2]?.lastHeardAt() ?? 0;
  const heardAfterStop = pages.map((page) => page.heard());
  const silentMs = Date.now() - lastHeard;

  await scene.app.start();
  await scene.posting.finish();
  const { acknowledged } = scene.posting;
  await query("update inbox_events set run_at = now(), locked_until = null where state = 'waiting'");
  await query("update rounds set locked_until = now()");
  const roundBefore = await roundsEnded(query);
  await scene.app.reconcile();
  const rounds = (await roundsEnded(query)) > roundBefore;
  const findings = await check(query, acknowledged, scene.connectionIds);
  await pool.end();
  for (const page of pages) page.close();
  await Promise.all([survivor.stop(), scene.stop()]);
  await postgres.stop();

  const { stored, missing, notDone, notApplied, wrongEpisodes } = findings;
  const hear =
    heardBefore.every((count) => count > 0) &&
    (heardAfterKill[1] ?? 0) > (heardBefore[1] ?? 0) &&
    (heardAfterStop[2] ?? 0) > (heardAfterKill[2] ?? 0) &&
    silentMs <= hearWithinMs;
  console.log(
    `Three processes, one killed and one stopped: ${acknowledged.size} events acknowledged, ${stored} stored, ${missing} missing, ` +
      `${notDone} not processed, ${notApplied} not applied exactly once, ${wrongEpisodes} connections with wrong episodes`,
  );
  console.log(
    `Open pages heard ${heardBefore.join(", ")} changes with all three running; ${heardAfterKill.slice(1).join(", ")} after the kill; ` +
      `the last one ${heardAfterStop[2] ?? 0} after the stop, the newest ${silentMs} ms before the end`,
  );
  console.log(
    `SIGTERM: gone after ${stopped.ms} ms, ${stopped.answered} requests answered, ${stopped.refused} refused before they began, ${stopped.dropped} dropped; rounds ${rounds ? "go on" : "DON'T END"}`,
  );
  return (
    missing + notDone + notApplied + wrongEpisodes === 0 &&
    hear &&
    rounds &&
    stopped.dropped === 0 &&
    stopped.ms <= stopWithinMs
  );

  async function another(): Promise<Running> {
    return startApp({ ...ports, app: await freePort() }, { ...settings, APP_URL: scene.app.url });
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function roundsEnded(query: Query): Promise<number> {
  const [row] = await query("select ended_at from rounds");
  return row?.ended_at instanceof Date ? row.ended_at.getTime() : 0;
}

/** Opens pages one after another, each on a new connection, and counts how they end. */
function startRequests(url: string) {
  const counts = { answered: 0, refused: 0, dropped: 0 };
  let over = false;
  const worker = async () => {
    while (!over) {
      const answer = await fetch(`${url}/`, { headers: { Connection: "close" } }).catch((error: unknown) =>
        isRefused(error) ? ("refused" as const) : null,
      );
      if (answer === "refused") counts.refused++;
      else if (!answer) counts.dropped++;
      else {
        await answer.text().then(
          () => counts.answered++,
          () => counts.dropped++,
        );
      }
      await pause(20);
    }
  };
  const workers = Promise.all(Array.from({ length: 4 }, worker));
  return {
    counts,
    async stop() {
      over = true;
      await workers;
    },
  };
}

/** True if the process no longer listens, so that a load balancer would send the request elsewhere. */
function isRefused(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : null;
  return cause instanceof Error && "code" in cause && cause.code === "ECONNREFUSED";
}

async function stopGently({ child }: Running, load: ReturnType<typeof startRequests>) {
  const startedAt = Date.now();
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  await gone;
  const ms = Date.now() - startedAt;
  await load.stop();
  return { ms, ...load.counts };
}
