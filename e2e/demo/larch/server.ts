import { once } from "node:events";
import { readFileSync } from "node:fs";
import path from "node:path";
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { reconnectRoute } from "../../../components/registry/reconnect-route";
import { root } from "../../support/ground.mjs";
import { bundle } from "./bundle";
import { eventReceiver } from "./events";
import { portfolioOf } from "./portfolio";

interface Options {
  /** 0 picks a free one. */
  port: number;
  /** Where Reconnect is, and a key of its API. */
  reconnectUrl: string;
  apiKey: string;
  /** What Reconnect signs events with. */
  signingSecret: string;
  /** Who sent a request, as Larch's own sessions would say. */
  personOf: (request: Request) => Person;
}

interface Person {
  externalId: string;
  name: string;
}

const font = "node_modules/@fontsource-variable/hanken-grotesk/files/hanken-grotesk-latin-wght-normal.woff2";
const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Portfolio · Larch</title>
    <link rel="icon" href="data:," />
    <link rel="stylesheet" href="/larch.css" />
  </head>
  <body>
    <div id="larch"></div>
    <script type="module" src="/larch.js"></script>
  </body>
</html>
`;

/** The company's own product: one page, a route for the banner, and an endpoint. */
export async function startLarch({ port, reconnectUrl, apiKey, signingSecret, personOf }: Options) {
  const { script, style } = await bundle();
  const settings = { RECONNECT_URL: reconnectUrl, RECONNECT_API_KEY: apiKey };
  const banner = reconnectRoute((request) => personOf(request).externalId, settings);
  const events = eventReceiver(signingSecret);
  const app = new Hono();

  app.get("/", (c) => c.html(page));
  app.get("/larch.js", (c) => c.body(script, 200, { "Content-Type": "text/javascript" }));
  app.get("/larch.css", (c) => c.body(style, 200, { "Content-Type": "text/css" }));
  app.get("/font.woff2", (c) =>
    c.body(new Uint8Array(readFileSync(path.join(root, font))), 200, { "Content-Type": "font/woff2" }),
  );
  app.on("GET", "/api/reconnect", (c) => banner.GET(c.req.raw));
  app.on("POST", "/api/reconnect", (c) => banner.POST(c.req.raw));
  app.get("/api/portfolio", async (c) => {
    const person = personOf(c.req.raw);
    const query = new URLSearchParams({ user: person.externalId });
    const answer = await fetch(`${reconnectUrl}/api/v1/connections?${query.toString()}`, {
      headers: { Authorization: `Bearer ${apiKey}` },
    });
    if (!answer.ok) return c.json({ error: "Reconnect is away" }, 502);
    const { connections } = (await answer.json()) as { connections: Parameters<typeof portfolioOf>[1] };
    return c.json(portfolioOf(person.name, connections));
  });
  app.post("/events", async (c) => {
    try {
      events.receive(await c.req.text(), c.req.header());
      return c.body(null, 204);
    } catch {
      return c.body(null, 401);
    }
  });
  app.get("/api/events", (c) => c.json(events.receivedAbout(personOf(c.req.raw).externalId)));

  const server = serve({ fetch: app.fetch, port });
  await once(server, "listening");
  const address = server.address();
  const url = `http://localhost:${typeof address === "object" ? (address?.port ?? port) : port}`;
  return {
    url,
    receivedAbout: events.receivedAbout,
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        if ("closeAllConnections" in server) server.closeAllConnections();
      }),
  };
}
