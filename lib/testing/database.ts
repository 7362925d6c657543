import type {} from "vitest";
import type { TestProject } from "vitest/node";
import { startPostgres } from "../../e2e/support/postgres";

/**
 * Starts a PostgreSQL server for the test run if TEST_DATABASE=postgres; otherwise each test file opens its
 * own PGlite.
 */
export default async function provideDatabase(project: TestProject) {
  if (process.env.TEST_DATABASE !== "postgres") {
    project.provide("postgresUrl", "");
    return;
  }
  const { url, stop } = await startPostgres();
  project.provide("postgresUrl", url.replace(/\/postgres$/, ""));
  return stop;
}

declare module "vitest" {
  export interface ProvidedContext {
    postgresUrl: string;
  }
}
