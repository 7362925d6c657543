import path from "node:path";
import { defineConfig } from "@playwright/test";
import { chromiumPath, forRoot } from "./support/browser";

const quiet = [
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
];

export default defineConfig({
  testDir: path.resolve("e2e"),
  testMatch: "**/*.spec.ts",
  globalSetup: path.resolve("e2e/support/servers.ts"),
  fullyParallel: true,
  workers: 2,
  // A second try is counted and named in the summary (e2e/commands/test.mjs), never silent.
  retries: 1,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  outputDir: path.resolve("test-results/e2e"),
  reporter: [["list"], ["json", { outputFile: path.resolve("test-results/e2e.json") }]],
  use: {
    baseURL: process.env.APP_URL,
    locale: "en-GB",
    timezoneId: "America/Toronto",
    viewport: { width: 1280, height: 800 },
    launchOptions: {
      executablePath: chromiumPath,
      args: [...forRoot, ...quiet],
    },
  },
});
