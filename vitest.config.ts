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
    env: { LOG_LEVEL: "silent" },
    // One for each of two cores; the default would leave one of them idle.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
