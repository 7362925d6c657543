import "./quiet";
import { createReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import nextEnv from "@next/env";
import { SettingsError } from "@/lib/base/env";
import { DatabaseError } from "@/lib/db/errors";
import { importUsers, ImportStopped, type ImportCounts, type RejectedLine } from "./import";
import { listOrphans } from "./orphans";
import { createEstimate, inWords } from "./progress";

// The command behind `npm run users:import -- <file.ndjson> [--dry-run] [--orphans]`, with the app's settings.
nextEnv.loadEnvConfig(process.cwd());
const words = process.argv.slice(2);
const options = ["--dry-run", "--orphans"];
const [dryRun, orphans] = options.map((option) => words.includes(option));
const files = words.filter((word) => !options.includes(word));
const [file] = files;
if (files.length > 1 || file?.startsWith("-") || (!file && !orphans)) {
  console.error("Usage: npm run users:import -- <file.ndjson> [--dry-run] [--orphans]");
  process.exit(2);
}
try {
  const rejected = file ? await importFile(file) : 0;
  if (orphans) await printOrphans();
  process.exit(rejected > 0 ? 1 : 0);
} catch (error) {
  console.error(explain(error));
  process.exit(1);
}

/** @returns how many lines were rejected */
async function importFile(file: string): Promise<number> {
  const { size } = await stat(file);
  const estimate = createEstimate(size);
  const reportPath = `${file}.rejected.ndjson`;
  const report = await open(reportPath, "w", 0o600);
  let writing = Promise.resolve();
  let reportedAt = Date.now();
  const counts = await importUsers(createReadStream(file), {
    dryRun: dryRun ?? false,
    clock: () => new Date(),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    onRejected: (rejected: RejectedLine) =>
      (writing = writing.then(() => report.appendFile(`${JSON.stringify(rejected)}\n`))),
    onProgress(counts, bytes) {
      // The end is reported below.
      if (bytes >= size || Date.now() - reportedAt < 1_000) return;
      reportedAt = Date.now();
      const left = estimate(bytes, reportedAt);
      console.error(`${inNumbers(counts)}${left === null ? "" : `, about ${inWords(left)} left`}`);
    },
  });
  await report.close();
  console.log(`${dryRun ? "Dry run, nothing was changed: " : ""}${inNumbers(counts)}.`);
  if (counts.rejected > 0) console.error(`Why each line was rejected: ${reportPath}`);
  return counts.rejected;
}

async function printOrphans(): Promise<void> {
  const ids = await listOrphans();
  console.error(`SnapTrade users that belong to nobody here: ${ids.length}`);
  for (const id of ids) console.log(id);
}

function inNumbers({ adopted, updated, unchanged, rejected }: ImportCounts): string {
  return `${adopted} adopted, ${updated} updated, ${unchanged} unchanged, ${rejected} rejected`;
}

/** Other errors may contain things that must not be printed. */
function explain(error: unknown): string {
  const again = "Whoever was adopted stays adopted; run this again for the rest.";
  if (error instanceof DatabaseError || error instanceof SettingsError) return error.message;
  if (error instanceof ImportStopped) return `${error.message} ${again}`;
  const isFile = error instanceof Error && "syscall" in error && "code" in error;
  if (isFile && error.code === "ENOENT") return `There is no file ${file}.`;
  return `The import didn't finish${isFile ? ` (${String(error.code)})` : ""}. ${again}`;
}
