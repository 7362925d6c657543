// `npm run prove -- drivers`: runs the whole unit and integration suite on PostgreSQL, once through pg and
// once through Neon's driver over a WebSocket. Prints one line for each.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { installPackages, root } from "../support/ground.mjs";

installPackages();
let fine = true;
for (const driver of ["pg", "neon"]) {
  const report = path.join(root, "test-results", `driver-${driver}.json`);
  rmSync(report, { force: true });
  const done = spawnSync("npx", ["vitest", "run", "lib"], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
    env: {
      ...process.env,
      TEST_DATABASE: "postgres",
      TEST_DRIVER: driver,
      TEST_REPORT: report,
    },
  });
  const counts = existsSync(report) ? JSON.parse(readFileSync(report, "utf8")) : null;
  const works = done.status === 0 && counts?.numPassedTests > 0;
  if (!works) process.stdout.write(done.stdout.slice(-8_000) + done.stderr.slice(-2_000));
  console.log(
    counts
      ? `${driver}: ${counts.numPassedTests} passed, ${counts.numFailedTests} failed, ${counts.numPendingTests} skipped`
      : `${driver}: the tests did not run`,
  );
  fine = works && fine;
}
process.exit(fine ? 0 : 1);
