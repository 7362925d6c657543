import { Server as HttpServer } from "node:http";
import { createAdaptorServer, type HttpBindings } from "@hono/node-server";
import type { SMTPServer } from "smtp-server";
import { createApi } from "../api/app";
import { createControl } from "../control/api";
import { createControlPage } from "../control/page";
import { listenOnLocalhost } from "./listen";
import { Mailbox } from "../mailbox/mailbox";
import { createMailboxPages } from "../mailbox/pages";
import { createBrokerageSite } from "../portal/brokerage-site";
import { createPortal } from "../portal/routes";
import { keepState } from "../world/state-file";
import { World } from "../world/world";

export interface EmulatorOptions {
  /** 0 picks any free port. */
  port?: number;
  smtpPort?: number;
  /** The portal's host name. Keep it different from the app's, so that browsers treat them as two sites. */
  portalHost?: string;
  clientId?: string;
  consumerKey?: string;
  partnerName?: string;
  /** Where the portal sends people when the login has no `customRedirect`. */
  redirectUri?: string | null;
  /** The partner's webhook listener; without one, nothing is sent. */
  webhookUrl?: string;
  /** A file that preserves the state across restarts. */
  statePath?: string;
}

export interface Emulator {
  /** The API, the control page, and the mailbox. */
  url: string;
  /** The portal and the brokerages' own pages: to a browser, each is a separate site, as in production. */
  portalUrl: string;
  brokerageUrl: string;
  smtpUrl: string;
  clientId: string;
  consumerKey: string;
  close(): Promise<void>;
}

/** Browsers resolve every name under localhost to this machine; Node.js doesn't. */
const brokerageHost = "brokerage.localhost";

/** How often due work (queued deletions, delayed repairs) runs when no request triggers it. */
const applyDueEveryMs = 250;

/** Node's default of five seconds makes clients reuse connections that are just being closed. */
const keepAlive = 65_000;

export async function startEmulator(options: EmulatorOptions = {}): Promise<Emulator> {
  const { clientId = "RECONNECT-DEMO", consumerKey = "demo-consumer-key-not-a-secret" } = options;
  const world = new World({
    clientId,
    consumerKey,
    name: options.partnerName ?? "Reconnect",
    redirectUri: options.redirectUri ?? null,
  });
  world.deliveries.url = options.webhookUrl ?? null;
  const save = options.statePath === undefined ? null : keepState(world, options.statePath);
  const mailbox = new Mailbox(world);
  const fetch = createFetch(world, mailbox);

  const http = await listenOnLocalhost(() => createHttpServer(fetch), options.port ?? 0, "EMULATOR_PORT");
  const smtp = await listenOnLocalhost(
    () => createSmtpServer(mailbox),
    options.smtpPort ?? 0,
    "EMULATOR_SMTP_PORT",
  ).catch((error: unknown) => {
    for (const server of http.servers) server.close();
    throw error;
  });
  const { portalHost = "127.0.0.1" } = options;
  world.origins = {
    portal: `http://${portalHost}:${http.port}`,
    brokerage: `http://${brokerageHost}:${http.port}`,
  };
  const timer = setInterval(() => world.applyDue(), applyDueEveryMs);

  return {
    url: `http://localhost:${http.port}`,
    portalUrl: world.origins.portal,
    brokerageUrl: world.origins.brokerage,
    smtpUrl: `smtp://localhost:${smtp.port}`,
    clientId,
    consumerKey,
    async close() {
      clearInterval(timer);
      world.deliveries.close();
      await Promise.all([...http.servers.map(closeHttp), ...smtp.servers.map(closeSmtp)]);
      world.onChange = null;
      save?.();
    },
  };
}

type Fetch = (request: Request, bindings: HttpBindings) => Response | Promise<Response>;

/** Each site serves only its own paths; only the API checks signatures, counts, and logs. */
function createFetch(world: World, mailbox: Mailbox): Fetch {
  const api = createApi(world);
  const portal = createPortal(world);
  const brokerage = createBrokerageSite(world);
  const control = createControl(world, mailbox);
  const controlPage = createControlPage(world, mailbox);
  const mailboxPages = createMailboxPages(mailbox);

  return (request, bindings) => {
    const { origin, pathname } = new URL(request.url);
    const { origins } = world;
    const isPortal = pathname.startsWith("/portal/") || pathname === "/snapTrade/redeemToken";
    if (origin === origins.brokerage) return brokerage.fetch(request);
    if (origin === origins.portal && isPortal) return portal.fetch(request);
    if (isPortal) return new Response(`The portal is at ${origins.portal}.`, { status: 404 });
    if (origin === origins.portal && !isToolsHost(origin))
      return new Response("Only the portal is served here.", { status: 404 });
    if (pathname.startsWith("/control/api/")) return control.fetch(request);
    if (pathname === "/control") return controlPage.fetch(request);
    if (pathname.startsWith("/mailbox")) return mailboxPages.fetch(request);
    return api.fetch(request, bindings);
  };
}

/** snaptrade-react only listens to the portal on localhost, so the tools can share its origin. */
const isToolsHost = (origin: string) => new URL(origin).hostname === "localhost";

function createHttpServer(fetch: Fetch) {
  const server = createAdaptorServer({
    fetch: (request, bindings) => fetch(request, bindings as HttpBindings),
  });
  if (!(server instanceof HttpServer)) throw new Error("Expected a plain HTTP server.");
  server.keepAliveTimeout = keepAlive;
  return { server, net: server };
}

function createSmtpServer(mailbox: Mailbox) {
  const server = mailbox.createSmtpServer();
  // A dropped client is harmless, and `listenOnLocalhost` reports a port that is in use.
  server.on("error", () => undefined);
  return { server, net: server.server };
}

function closeHttp(server: HttpServer): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

function closeSmtp(server: SMTPServer): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
