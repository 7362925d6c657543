// `npm run statements:record [-- <test files>]`: runs the suite on PostgreSQL and records which statements
// this release sends, so that a test can keep later migrations compatible with it while it is still running.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { installPackages, root, run } from "../support/ground.mjs";

installPackages();
const folder = path.join(root, "test-results/statements");
const file = path.join(root, "lib/db/previous-release.json");
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const files = process.argv.slice(2);
const recording = { TEST_DATABASE: "postgres", RECORD_STATEMENTS: folder };
const fine = run("npx", ["vitest", "run", ...(files.length > 0 ? files : ["lib"])], recording);

const recorded = shortestOfEach(
  readdirSync(folder).flatMap((name) => JSON.parse(readFileSync(path.join(folder, name), "utf8"))),
);
const { tsImport } = await import("tsx/esm/api");
const { startPostgres } = await tsImport("../support/postgres.ts", import.meta.url);
const { Client } = await import("pg");
const postgres = await startPostgres();
const client = new Client({ connectionString: postgres.url });
await client.connect();
const migrated = run("npm", ["run", "--silent", "db:migrate"], { DATABASE_URL: postgres.url });
// Statements about tables that tests create don't fit this schema, and the release never sends them.
const kept = [];
for (const statement of recorded.sort())
  if (
    await client.query(`prepare recorded as ${statement}`).then(
      () => true,
      () => false,
    )
  ) {
    kept.push(statement);
    await client.query("deallocate recorded");
  }
await client.end();
await postgres.stop();
if (migrated) writeFileSync(file, `${JSON.stringify(kept, null, 2)}\n`);
console.log(
  `${kept.length} statements of this release ${existsSync(file) ? "are in lib/db/previous-release.json" : "were not recorded"}`,
);
process.exit(fine && migrated ? 0 : 1);

/** Of statements that differ only in how many values they take, one. */
function shortestOfEach(statements) {
  const shortest = new Map();
  for (const statement of statements) {
    const shape = statement
      .replace(/\$\d+(::\w+)?/g, "?")
      .replace(/(\?|default)(, (\?|default))*/g, "?")
      .replace(/\(\?\)(, \(\?\))*/g, "(?)");
    if (statement.length < (shortest.get(shape)?.length ?? Infinity)) shortest.set(shape, statement);
  }
  return [...shortest.values()];
}
