import { once } from "node:events";
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { Company } from "../../support/company";
import { freePort, run } from "../../support/ground.mjs";
import { startPostgres } from "../../support/postgres";
import { settingsFor, startApp, startEmulator } from "../../support/processes";

export interface Stage {
  /** What the guide's commands find in their environment. */
  environment: Record<string, string>;
  /** The file of people, as the company would export it. */
  lines: string;
  /** The guide's addresses replaced by those that answer on this machine. */
  localize: (text: string) => string;
  stop: () => Promise<void>;
}

/**
 * A company with three people at SnapTrade, and Reconnect running on PostgreSQL with the guide's settings, but
 * without any of them.
 */
export async function setStage(guideSettings: Record<string, string>): Promise<Stage> {
  const postgres = await startPostgres();
  const ports = { app: await freePort(), emulator: await freePort(), smtp: await freePort() };
  const larchUrl = `http://localhost:${await freePort()}`;
  const appUrl = `http://localhost:${ports.app}`;
  const localize = (text: string) =>
    text
      .replaceAll("https://connections.larch.example", appUrl)
      .replaceAll("https://app.larch.example", larchUrl);
  const settings = {
    ...settingsFor(ports),
    DATABASE_URL: postgres.url,
    LOG_LEVEL: "warn",
    RECONCILE_IN_PROCESS: "true",
    // This machine's own addresses.
    EVENTS_ALLOW_PRIVATE: "true",
    ...Object.fromEntries(Object.entries(guideSettings).map(([name, value]) => [name, localize(value)])),
  };
  if (!run("npm", ["run", "--silent", "db:migrate"], settings)) throw new Error("No migration");
  const emulator = await startEmulator(ports);
  const app = await startApp(ports, settings);
  const company = new Company({ appUrl, emulatorUrl: emulator.url }, "");
  const people = [
    await company.register("user-1", [{ brokerage: "VANGUARD" }]),
    await company.register("user-2", [{ brokerage: "KRAKEN" }]),
  ];
  const third = await company.register("user-3", [], "larch-user-3");
  const product = await startProduct(Number(new URL(larchUrl).port));
  return {
    environment: {
      ...settings,
      USER_3_SECRET: third.userSecret,
      LARCH_URL: larchUrl,
      EMULATOR_URL: emulator.url,
      USER_1_AT_SNAPTRADE: people[0]?.snapTradeUserId ?? "",
    },
    lines: people
      .map(({ externalId, snapTradeUserId, userSecret }) =>
        JSON.stringify({ externalId, snapTradeUserId, userSecret }),
      )
      .join("\n"),
    localize,
    async stop() {
      product.close();
      await Promise.all([app.stop(), emulator.stop()]);
      await postgres.stop();
    },
  };
}

/** What arrived at the company's product, by path. */
export type Arrivals = Partial<Record<string, { body: string; headers: Record<string, string> }[]>>;

/** The company's product: it takes whatever is posted to it, and shows that at /arrivals. */
async function startProduct(port: number) {
  const arrivals: Arrivals = {};
  const product = new Hono();
  product.get("/arrivals", (c) => c.json(arrivals));
  product.get("/portfolio", (c) => c.html("<h1>Portfolio</h1>"));
  product.post("*", async (c) => {
    (arrivals[c.req.path] ??= []).push({ body: await c.req.text(), headers: c.req.header() });
    return c.body(null, 204);
  });
  const server = serve({ fetch: product.fetch, port });
  await once(server, "listening");
  return server;
}
