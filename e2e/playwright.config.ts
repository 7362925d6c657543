import { existsSync } from "node:fs";
import path from "node:path";
import { defineConfig } from "@playwright/test";

const chromium = [process.env.CHROMIUM_PATH, "/usr/bin/chromium"].find((place) => place && existsSync(place));
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
      executablePath: chromium,
      args: process.getuid?.() === 0 ? ["--no-sandbox", ...quiet] : quiet,
    },
  },
});
