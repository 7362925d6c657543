import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import { parseArgs } from "node:util";
import nextEnv from "@next/env";
import { z } from "zod";
import { env, SettingsError } from "@/lib/base/env";
import { listShadowBreaks, summarizeShadow, type ShadowBreak } from "@/lib/connections/pages/shadow-report";
import { DatabaseError } from "@/lib/db/errors";
import { shadowBreak, shadowBreakOf, shadowSummaryOf } from "./shadow-report-fields";

// The command behind `npm run shadow:report [-- --out <file.ndjson>]`, with the app's settings.
const usage = "Usage: npm run shadow:report [-- --out <file.ndjson>]";
const perPage = 1_000;

nextEnv.loadEnvConfig(process.cwd());
try {
  const { values } = parseArgs({ options: { out: { type: "string" } } });
  await report(values.out);
  process.exit(0);
} catch (error) {
  console.error(explain(error));
  process.exit(1);
}

async function report(out: string | undefined): Promise<void> {
  const now = new Date();
  const { MODE } = env();
  const sum = shadowSummaryOf(await summarizeShadow(now, progress("added up")), now);
  const line = (count: number, what: string) =>
    console.log(`${count.toLocaleString("en-US").padStart(12)}  ${what}`);
  console.log(`Noticed in shadow mode, as of ${now.toISOString()} (MODE is ${MODE} now):`);
  line(sum.breaks, "breaks");
  line(
    sum.never_announced,
    "never announced: no webhook reported them, so code that waits for one missed them",
  );
  line(sum.announced, "announced by a webhook");
  line(
    sum.announcement_unknown,
    "unknown: began before Reconnect knew the connection, were noticed within the last hour, or may have been in a webhook that couldn't be applied",
  );
  line(sum.unannounced_hours, "hours that those never announced have lasted, until they ended or until now");
  line(sum.repaired, "repaired; by whom isn't visible from here");
  line(sum.removed, "removed at SnapTrade");
  line(sum.open, "not repaired yet");
  line(sum.unrepaired_hours, "hours that all of them have lasted, until they ended or until now");
  line(sum.people, "people with a break");
  line(sum.people_waiting, "people with a break that nobody has repaired");
  console.log(
    "Whether your own code notified a person can't be seen from here. If a break has lasted for days, perhaps nobody did.",
  );
  if (out) await writeLines(out, now);
}

/** One line per break, page by page, however many there are. */
async function writeLines(file: string, now: Date): Promise<void> {
  const stream = createWriteStream(file, { mode: 0o600 });
  const report = progress("written");
  let written = 0;
  for (let after: ShadowBreak | null = null, page: ShadowBreak[]; ; after = page.at(-1) ?? null) {
    page = await listShadowBreaks(after, perPage, now);
    const lines = page.map((one) => `${JSON.stringify(z.encode(shadowBreak, shadowBreakOf(one, now)))}\n`);
    if (!stream.write(lines.join(""))) await once(stream, "drain");
    report((written += page.length));
    if (page.length < perPage) break;
  }
  stream.end();
  await finished(stream);
  console.log(`${written.toLocaleString("en-US")} lines are in ${file}.`);
}

/** Prints the progress of whatever takes longer than a second, at most once a second. */
function progress(what: string): (count: number) => void {
  let saidAt = Date.now();
  return (count) => {
    if (Date.now() - saidAt < 1_000) return;
    saidAt = Date.now();
    console.error(`${count.toLocaleString("en-US")} breaks ${what}`);
  };
}

function explain(error: unknown): string {
  if (error instanceof DatabaseError || error instanceof SettingsError) return error.message;
  const { code = "", message = "" } = error as { code?: string; message?: string };
  if (code.startsWith("ERR_PARSE_ARGS")) return usage;
  // A system error names only the file that couldn't be written; other errors may quote what is stored.
  return code.startsWith("E") ? message : "That didn't work; the database may be unreachable.";
}
