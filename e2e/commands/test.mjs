// `npm test`: runs everything on a bare machine, and ends with one line that totals all runners.
import { existsSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { spawnSync } from "node:child_process";
import { installPackages, root, run, stop } from "../support/ground.mjs";

const results = path.join(root, "test-results");
const debianBrowsers = ["chromium-headless-shell", "chromium"];
const total = { passed: 0, failed: 0 };
/** Journeys that passed on their second try, by name. */
const secondTries = [];
/** At most three minutes, whatever fails and however slow the machine is. */
const simulationLimits = ["--within-seconds", "110", "--shrink-most", "1", "--shrink-seconds", "20"];

installPackages();
if (
  process.env.CI &&
  spawnSync("git", ["diff", "--exit-code", "--stat", "package-lock.json"], { cwd: root, stdio: "inherit" })
    .status !== 0
) {
  stop("Installing changed package-lock.json; commit a lock file that matches package.json.");
}
installBrowser();
rmSync(results, { recursive: true, force: true });

const typesAreChecked = stage("types, lint, and format", ["npm", "run", "--silent", "check:static"], () => ({
  passed: 0,
  failed: 0,
}));
// Once, on a real server; the quick loop runs the same tests on the embedded database, which the journeys use
// too.
stage("unit and domain tests on PostgreSQL", ["npx", "vitest", "run"], vitestCounts("unit.json"), {
  TEST_DATABASE: "postgres",
});
stage(
  "simulation, up to 200 seeds",
  ["npm", "run", "--silent", "prove", "--", "simulate", "--runs", "200", "--keep-going", ...simulationLimits],
  simulationCounts,
  {
    SIMULATE_REPORT: path.join(results, "simulate.json"),
  },
);
if (
  stage("production build", ["npm", "run", "build"], () => ({ passed: 0, failed: 0 }), {
    TYPES_ARE_CHECKED: String(typesAreChecked),
  })
) {
  stage("crashes, in short", ["npm", "run", "--silent", "test:crash", "--", "--short"], () => ({
    passed: 0,
    failed: 0,
  }));
  stage(
    "every route and action, tried by everyone who must not use it",
    ["npm", "run", "--silent", "prove", "--", "inventory"],
    inventoryCounts,
    { INVENTORY_REPORT: path.join(results, "inventory.json") },
  );
  stage("end to end", ["npx", "playwright", "test", "-c", "e2e/playwright.config.ts"], playwrightCounts);
}

for (const name of secondTries) console.log(`Passed on the second try only: ${name}`);
console.log(`\n${total.passed} passed, ${total.failed} failed`);
process.exit(total.failed > 0 ? 1 : 0);

/**
 * Runs one stage and adds what its runner counted; a stage that fails without a failed test counts as one.
 */
function stage(name, [command, ...args], count, env = {}) {
  console.log(`\n── ${name}`);
  const fine = run(command, args, env);
  const { passed, failed } = count();
  total.passed += passed;
  total.failed += fine ? failed : Math.max(failed, 1);
  return fine;
}

function vitestCounts(file) {
  return () => {
    const report = read(file);
    return report
      ? { passed: report.numPassedTests, failed: report.numFailedTests }
      : { passed: 0, failed: 0 };
  };
}

function playwrightCounts() {
  const report = read("e2e.json");
  if (!report) return { passed: 0, failed: 0 };
  const specs = report.suites.flatMap(specsIn);
  secondTries.push(...specs.filter((spec) => statusOf(spec) === "flaky").map((spec) => spec.title));
  specs.filter((spec) => ["flaky", "unexpected"].includes(statusOf(spec))).forEach(showPage);
  return { passed: report.stats.expected + report.stats.flaky, failed: report.stats.unexpected };
}

function specsIn(suite) {
  return [...suite.specs, ...(suite.suites ?? []).flatMap(specsIn)];
}

function statusOf(spec) {
  return spec.tests[0]?.status;
}

/** Prints what the page showed when a journey failed, since its files may be out of reach. */
function showPage(spec) {
  const attachments = spec.tests.flatMap((test) => test.results.flatMap((result) => result.attachments));
  const page = attachments.find(({ name }) => name === "error-context");
  if (page?.path && existsSync(page.path))
    console.log(`\n${spec.title}\n${readFileSync(page.path, "utf8").slice(0, 6_000)}`);
}

function inventoryCounts() {
  const report = read("inventory.json");
  return report ? { passed: report.passed, failed: report.failed } : { passed: 0, failed: 0 };
}

function simulationCounts() {
  const report = read("simulate.json");
  return report ? { passed: report.passed, failed: report.failed } : { passed: 0, failed: 0 };
}

function read(file) {
  const place = path.join(results, file);
  return existsSync(place) ? JSON.parse(readFileSync(place, "utf8")) : null;
}

/** Uses Debian's Chromium if apt can install it, and Playwright's otherwise. */
function installBrowser() {
  const isInstalled = debianBrowsers.some((name) => existsSync(`/usr/bin/${name}`));
  if (process.env.CHROMIUM_PATH || isInstalled) return;
  console.log("Installing a browser …");
  const byApt =
    process.getuid?.() === 0 && existsSync("/usr/bin/apt-get") && run("apt-get", ["update", "-qq"]);
  if (byApt && debianBrowsers.some(installPackage)) return;
  if (!run("npx", ["playwright", "install", "--with-deps", "chromium"]))
    stop("No browser could be installed; set CHROMIUM_PATH to an existing one.");
}

function installPackage(name) {
  return run("apt-get", ["install", "-y", "-qq", name], { DEBIAN_FRONTEND: "noninteractive" });
}
