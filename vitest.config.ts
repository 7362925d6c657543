import path from "node:path";
import { configDefaults, defineConfig } from "vitest/config";

export default defineConfig({
  resolve: {
    alias: {
      "@": path.resolve("."),
      // Its only effect is to stop a browser bundle; tests run on the server.
      "server-only": path.resolve("lib/testing/server-only.ts"),
    },
  },
  test: {
    // Only a real PostgreSQL server can show these.
    exclude:
      process.env.TEST_DATABASE === "postgres"
        ? configDefaults.exclude
        : [...configDefaults.exclude, "**/*.postgres.test.ts"],
    include: ["app/**/*.test.ts", "lib/**/*.test.ts", "components/**/*.test.ts", "e2e/**/*.test.ts"],
    globalSetup: ["lib/testing/database.ts"],
    reporters: ["default", ["json", { outputFile: process.env.TEST_REPORT ?? "test-results/unit.json" }]],
    setupFiles: ["lib/testing/settings.ts"],
    // One more than the cores we count on: much of a test is waiting for the database.
    maxWorkers: 3,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
