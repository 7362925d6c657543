import type {} from "vitest";
import type { TestProject } from "vitest/node";
import { startPostgres } from "../../e2e/support/postgres";

/**
 * For tests: a PostgreSQL of its own when TEST_DATABASE=postgres, else nothing, and each test file opens a
 * PGlite of its own.
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
