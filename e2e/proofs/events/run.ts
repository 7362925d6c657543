import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import path from "node:path";
import { Pool } from "pg";
import { Webhook } from "standardwebhooks";
import { root } from "../../support/ground.mjs";
import { startPostgres } from "../../support/postgres";
import { settingsFor } from "../../support/processes";
import { freePorts } from "../crash/app";
import { startReceiver, type Accepted, type Receiver } from "./receiver";

const connectionCount = 250;
const eventsEach = 10;
const wanted = connectionCount * eventsEach * 4;
const maxMs = 10 * 60_000;
const seed = 20_261_121;

/**
 * Ten thousand deliveries by two processes, one of which is killed in between, to four endpoints that fail,
 * hang, answer late, and redirect to a private address.
 * @returns false unless every event reached every endpoint, in the order of its connection, correctly signed
 */
export async function runEvents(): Promise<boolean> {
  const startedAt = Date.now();
  const [postgres, receiver, ports] = [
    await startPostgres(),
    await startReceiver(seeded(seed)),
    await freePorts(),
  ];
  const env = {
    ...process.env,
    ...settingsFor(ports),
    DATABASE_URL: postgres.url,
    EVENTS_ALLOW_PRIVATE: "true",
    LOG_LEVEL: "silent",
  };
  const tsx = ["--conditions=react-server", "--import", "tsx"];
  const run = (file: string, ...options: string[]) => {
    const done = spawnSync(process.execPath, [...tsx, path.join(root, file), ...options], {
      cwd: root,
      env,
      encoding: "utf8",
    });
    if (done.status !== 0) throw new Error(`${file} failed: ${done.stderr}`);
    return done.stdout;
  };
  const worker = "e2e/proofs/events/worker.ts";
  const start = (...options: string[]) =>
    spawn(process.execPath, [...tsx, path.join(root, worker), ...options], { cwd: root, env });
  const running: ChildProcess[] = [];
  const pool = new Pool({ connectionString: postgres.url, max: 1 });
  try {
    run("lib/db/migrate-command.ts");
    const secrets = JSON.parse(run(worker, "prepare", receiver.urls.join(","))) as string[];
    running.push(start("deliver"), start("deliver"));
    running.push(start("record", String(eventsEach)));
    await until(() => receiver.accepted.length > wanted / 4, maxMs);
    running[0]?.kill("SIGKILL");
    running.push(start("deliver"));
    const left = async () => {
      const { rows } = await pool.query<{ left: string; events: string }>(
        "select (select count(*) from event_deliveries) as left, (select count(*) from events where position is not null) as events",
      );
      return Number(rows[0]?.left) + (wanted / 4 - Number(rows[0]?.events));
    };
    await until(async () => (await left()) === 0, maxMs);
    return report(receiver, secrets, Date.now() - startedAt);
  } finally {
    for (const child of running) child.kill("SIGKILL");
    await pool.end();
    receiver.close();
    await postgres.stop();
  }
}

function report({ accepted, counts, urls }: Receiver, secrets: string[], tookMs: number): boolean {
  const secretOf = new Map(urls.map((url, place) => [new URL(url).pathname, secrets[place] ?? ""]));
  const first = new Map<string, Accepted>();
  for (const one of accepted) {
    const key = `${one.endpoint} ${one.headers.id}`;
    if (!first.has(key)) first.set(key, one);
  }
  const bySdk = accepted.filter((one) => isVerified(one, secretOf.get(one.endpoint) ?? "")).length;
  const byPython = countByPython(accepted, secretOf);
  const misplaced = countMisplaced([...first.values()]);
  const fine =
    first.size === wanted &&
    misplaced === 0 &&
    bySdk === accepted.length &&
    (byPython === null || byPython === accepted.length) &&
    counts.followed === 0;
  console.log(
    `events: ${first.size} of ${wanted} deliveries in ${counts.attempts} attempts, ${accepted.length - first.size} accepted again, ${misplaced} out of order, ` +
      `${counts.failed} failed, ${counts.hung} hung, ${counts.late} late, ${counts.redirected} redirected of which ${counts.followed} followed, ` +
      `signatures ${bySdk} (TypeScript) and ${byPython ?? "not checked"} (Python) of ${accepted.length}, ${Math.round(tookMs / 1000)} s: ${fine ? "fine" : "FAILED"}`,
  );
  return fine;
}

function isVerified({ headers, body }: Accepted, secret: string): boolean {
  const { id, timestamp, signature } = headers;
  try {
    new Webhook(secret).verify(body, {
      "webhook-id": id,
      "webhook-timestamp": timestamp,
      "webhook-signature": signature,
    });
    return true;
  } catch (error) {
    // The library refuses timestamps older than five minutes, and this runs at the end.
    if (!String(error).includes("timestamp too old")) return false;
    return signature === new Webhook(secret).sign(id, new Date(Number(timestamp) * 1000), body);
  }
}

/**
 * @returns null without Python
 * @throws Error if Python fails
 */
function countByPython(accepted: Accepted[], secretOf: Map<string, string>): number | null {
  const lines = accepted.map(({ endpoint, headers, body }) =>
    JSON.stringify({ secret: secretOf.get(endpoint), ...headers, body }),
  );
  const done = spawnSync("python3", [path.join(root, "e2e/proofs/events/verify.py")], {
    input: lines.join("\n"),
    encoding: "utf8",
  });
  if (done.error && "code" in done.error && done.error.code === "ENOENT") return null;
  if (done.status !== 0) throw new Error(`Python failed: ${done.error?.message ?? done.stderr}`);
  return Number(done.stdout);
}

/** How many events reached an endpoint for the first time before an earlier one of their connection. */
function countMisplaced(first: Accepted[]): number {
  const next = new Map<string, number>();
  let misplaced = 0;
  for (const { endpoint, body } of first) {
    const { data } = JSON.parse(body) as { data: { place: number; connection: { id: string } } };
    const line = `${endpoint} ${data.connection.id}`;
    if (data.place !== (next.get(line) ?? 0)) misplaced++;
    next.set(line, data.place + 1);
  }
  return misplaced;
}

async function until(isSo: () => boolean | Promise<boolean>, withinMs: number): Promise<void> {
  const endsAt = Date.now() + withinMs;
  while (!(await isSo()) && Date.now() < endsAt) await new Promise((resolve) => setTimeout(resolve, 250));
}

/** Numbers from 0 to 1, always the same for one seed (mulberry32). */
function seeded(state: number): () => number {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
