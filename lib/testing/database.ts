import type {} from "vitest";
import type { TestProject } from "vitest/node";
import { startPostgres } from "../../e2e/support/postgres";
import { startWebSocketProxy } from "./websocket-proxy";

/**
 * With TEST_DATABASE=postgres, starts a PostgreSQL server and a proxy for Neon's driver for the test run.
 * Otherwise, each test file opens its own PGlite.
 */
export default async function provideDatabase(project: TestProject) {
  if (process.env.TEST_DATABASE !== "postgres") {
    if (process.env.TEST_DRIVER) throw new Error("TEST_DRIVER needs TEST_DATABASE=postgres");
    project.provide("postgresUrl", "");
    project.provide("neonProxy", "");
    return;
  }
  const { url, stop } = await startPostgres();
  project.provide("postgresUrl", url.replace(/\/postgres$/, ""));
  const proxy = startWebSocketProxy(Number(new URL(url).port));
  project.provide("neonProxy", `localhost:${proxy.port}/v1`);
  return async () => {
    proxy.close();
    await stop();
  };
}

declare module "vitest" {
  export interface ProvidedContext {
    postgresUrl: string;
    /** `host:port/path` of a WebSocket proxy in front of that server, for Neon's driver. */
    neonProxy: string;
  }
}
