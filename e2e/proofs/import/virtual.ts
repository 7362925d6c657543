import { createReadStream, createWriteStream } from "node:fs";
import { once } from "node:events";
import { Pool } from "pg";
import { importUsers } from "@/lib/people/import";
import { createClient } from "../../emulator/testing";
import { startEmulator } from "../../emulator/server/server";

/**
 * Imports this many people with the app's own code, against an emulator that refuses the 251st call in a
 * minute, in virtual time: whenever the import waits, every clock is set ahead. Prints one line of JSON.
 */

const people = Number(process.argv[2]);
const file = process.argv[3] ?? "";
const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 1 });

let aheadMs = 0;
const RealDate = Date;
/** The clock of this process, with the app and the emulator in it. */
class VirtualDate extends RealDate {
  constructor(...given: [] | [string | number | Date]) {
    super(given.length === 0 ? RealDate.now() + aheadMs : given[0]);
  }
  static override now() {
    return RealDate.now() + aheadMs;
  }
}
globalThis.Date = VirtualDate as DateConstructor;

let peak = 0;
/** The budget counts on the database's clock, so its rows are set back instead. */
async function sleep(ms: number): Promise<void> {
  const { rows } = await pool.query<{ calls: number }>(
    "select count(*)::int as calls from snaptrade_calls where at > now() - interval '1 minute'",
  );
  peak = Math.max(peak, rows[0]?.calls ?? 0);
  aheadMs += ms;
  const by = `interval '${ms} milliseconds'`;
  await pool.query(
    `update snaptrade_calls set at = at - ${by}, answered_at = answered_at - ${by} where at > now() - interval '3 minutes'`,
  );
  await pool.query(`update snaptrade_limits set per_minute_until = per_minute_until - ${by}, remaining_until = remaining_until - ${by},
    remaining_heard_at = remaining_heard_at - ${by}, blocked_until = blocked_until - ${by}`);
}

const emulator = await startEmulator({ port: 0, smtpPort: 0 });
Object.assign(process.env, {
  SNAPTRADE_CLIENT_ID: emulator.clientId,
  SNAPTRADE_CONSUMER_KEY: emulator.consumerKey,
  SNAPTRADE_API_URL: emulator.url,
});
const setLimit = (rateLimit: number) =>
  fetch(`${emulator.url}/control/api/settings`, { method: "POST", body: JSON.stringify({ rateLimit }) });

await setLimit(10_000_000);
const client = createClient(emulator);
const lines = createWriteStream(file);
for (let index = 0; index < people; index++) {
  const { data } = await client.authentication.registerSnapTradeUser({ userId: `their user ${index}` });
  const person = {
    externalId: `customer ${index}`,
    snapTradeUserId: data.userId,
    userSecret: data.userSecret,
  };
  if (!lines.write(`${JSON.stringify(person)}\n`)) await once(lines, "drain");
}
await new Promise<void>((resolve) => lines.end(resolve));
// What was registered no longer counts.
aheadMs += 120_000;
await setLimit(250);

const beganAt = Date.now();
const realAt = RealDate.now();
let reportedAt = realAt;
const counts = await importUsers(createReadStream(file), {
  dryRun: false,
  clock: () => new Date(),
  sleep,
  onRejected({ line, reason }) {
    console.error(`line ${line}: ${reason}`);
    return Promise.resolve();
  },
  onProgress({ adopted }) {
    if (RealDate.now() - reportedAt < 10_000) return;
    reportedAt = RealDate.now();
    console.error(`${adopted} of ${people} adopted`);
  },
});
const { rows } = await pool.query<{ stored: number; refused: boolean }>(
  `select (select count(distinct external_id)::int from users join snaptrade_users on user_id = users.id where looked_at is not null) as stored,
    (select refused_at is not null from snaptrade_limits) as refused`,
);
console.log(
  JSON.stringify({
    ...counts,
    stored: rows[0]?.stored,
    refused: rows[0]?.refused,
    peak,
    virtualMinutes: (Date.now() - beganAt) / 60_000,
    realSeconds: (RealDate.now() - realAt) / 1_000,
  }),
);
process.exit(0);
