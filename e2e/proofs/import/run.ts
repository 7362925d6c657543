import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";
import { Pool } from "pg";
import { createClient } from "../../emulator/testing";
import { startEmulator } from "../../emulator/server/server";
import { exampleSettings, root, run } from "../../support/ground.mjs";
import { startPostgres } from "../../support/postgres";

const kills = 10;
const killedPeople = 1_000;

interface Virtual {
  adopted: number;
  rejected: number;
  stored: number;
  refused: boolean;
  peak: number;
  virtualMinutes: number;
  realSeconds: number;
}

/**
 * Imports 100,000 people (`--people N`) within SnapTrade's 250 calls a minute, in virtual time; then kills the
 * command ten times while it imports others, and counts who is missing or doubled.
 */
export async function runImports(options: string[]): Promise<boolean> {
  const at = options.indexOf("--people");
  const people = at < 0 ? 100_000 : Number(options[at + 1]);
  const postgres = await startPostgres(undefined, { fsync: "off", full_page_writes: "off" });
  const folder = await mkdtemp(path.join(tmpdir(), "reconnect-import-"));
  try {
    const isPaced = await importInVirtualTime(await makeDatabase(postgres.url, "paced"), folder, people);
    const isResumable = await importWithKills(await makeDatabase(postgres.url, "killed"), folder);
    return isPaced && isResumable;
  } finally {
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function makeDatabase(url: string, name: string): Promise<Record<string, string>> {
  const pool = new Pool({ connectionString: url, max: 1 });
  await pool.query(`create database ${name}`);
  await pool.end();
  const settings = {
    ...(exampleSettings() as Record<string, string>),
    DATABASE_URL: url.replace(/postgres$/, name),
    LOG_LEVEL: "silent",
  };
  if (!run("npm", ["run", "--silent", "db:migrate"], settings)) throw new Error("No migration");
  return settings;
}

const appCode = ["--conditions=react-server", "--import", "tsx"];

async function importInVirtualTime(env: Record<string, string>, folder: string, people: number) {
  const file = path.join(folder, "paced.ndjson");
  const child = spawn(process.execPath, [...appCode, "e2e/proofs/import/virtual.ts", String(people), file], {
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...env },
  });
  const result = JSON.parse(await text(child.stdout)) as Virtual;
  const { adopted, stored, refused, peak, virtualMinutes, realSeconds } = result;
  const isFine = adopted === people && stored === people && !refused;
  console.log(
    `import: ${adopted} of ${people} people adopted in ${virtualMinutes.toFixed(0)} virtual minutes (${realSeconds.toFixed(0)} s), at most ${peak} calls a minute, ${refused ? "REFUSED with 429" : "no 429"}: ${isFine ? "passed" : "FAILED"}`,
  );
  return isFine;
}

async function importWithKills(env: Record<string, string>, folder: string): Promise<boolean> {
  const emulator = await startEmulator({ port: 0, smtpPort: 0 });
  const limit = { method: "POST", body: JSON.stringify({ rateLimit: 100_000 }) };
  await fetch(`${emulator.url}/control/api/settings`, limit);
  const client = createClient(emulator);
  const file = path.join(folder, "killed.ndjson");
  const lines: string[] = [];
  for (let index = 0; index < killedPeople; index++) {
    const { data } = await client.authentication.registerSnapTradeUser({ userId: `their user ${index}` });
    const { userId: snapTradeUserId, userSecret } = data;
    lines.push(JSON.stringify({ externalId: `customer ${index}`, snapTradeUserId, userSecret }));
  }
  await writeFile(file, lines.join("\n"));
  const settings = {
    ...env,
    SNAPTRADE_CLIENT_ID: emulator.clientId,
    SNAPTRADE_CONSUMER_KEY: emulator.consumerKey,
    SNAPTRADE_API_URL: emulator.url,
  };
  const pool = new Pool({ connectionString: env.DATABASE_URL, max: 1 });
  // The server may end before this connection has closed.
  pool.on("error", () => undefined);
  const count = async () =>
    (await pool.query<{ count: number }>("select count(*)::int as count from users")).rows[0]?.count ?? 0;
  for (let kill = 1; kill <= kills; kill++) {
    const before = await count();
    const child = startCommand(file, settings);
    const gone = once(child, "exit");
    // A random moment of its work: after it has begun, and before everyone could be done.
    const until = before + 1 + Math.random() * (killedPeople / kills - 2);
    while (child.exitCode === null && (await count()) < until)
      await new Promise((resolve) => setTimeout(resolve, 5 + Math.random() * 20));
    child.kill("SIGKILL");
    await gone;
    console.error(`killed ${kill} times, ${await count()} people there`);
  }
  const interrupted = await count();
  const [status] = (await once(startCommand(file, settings), "exit")) as [number];
  const { rows } = await pool.query<{ people: number; whole: number }>(
    `select (select count(*)::int from users) as people,
      (select count(distinct snaptrade_user_id)::int from snaptrade_users join users on users.id = user_id
        where external_id = replace(snaptrade_user_id, 'their user', 'customer') and looked_at is not null) as whole`,
  );
  await pool.end();
  await emulator.close();
  const { people = 0, whole = 0 } = rows[0] ?? {};
  const isFine = status === 0 && people === killedPeople && whole === killedPeople;
  console.log(
    `import: killed ${kills} times with ${interrupted} of ${killedPeople} people there, then finished: ${people} people, ${whole} of them whole: ${isFine ? "passed" : "FAILED"}`,
  );
  return isFine;
}

function startCommand(file: string, env: Record<string, string>) {
  return spawn(process.execPath, [...appCode, "lib/people/import-command.ts", file], {
    cwd: root,
    stdio: "ignore",
    env: { ...process.env, ...env },
  });
}
