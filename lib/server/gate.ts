import "server-only";
import { Server, type IncomingMessage, type ServerResponse } from "node:http";
import { clientAddress, isTrustedProxy } from "@/lib/base/client-address";
import { env } from "@/lib/base/env";
import { askDatabase, type DatabaseState } from "@/lib/db/usable";
import { requestIdHeader, requestIdOf, withRequestId } from "@/lib/base/request-id";
import { htmlPage } from "./html-page";
import { problemAnswer, type ProblemCode } from "./problem";

/** No request to this app needs more than this; SnapTrade's webhooks are the largest. */
const maxBodyBytes = 64 * 1024;
/**
 * How long a client may take to send its headers, and its whole request. Node closes the connection at its
 * next check, within 30 seconds.
 */
const usualTimes = { headersMs: 10_000, requestMs: 30_000 };
/** How long a refused sender may keep sending, so that it can read our answer before we disconnect. */
const lingerMs = 5_000;

/**
 * Paths that programs post to rather than our own pages; each checks its own secret. Only these exact
 * spellings match, so nothing here depends on how Next resolves any other.
 */
const forPrograms = /^\/api\/(webhooks\/snaptrade|cron\/reconcile|unsubscribe\/[\w-]+(\.[\w-]+)?)$/;

/**
 * The API for the company's servers. Its key comes in a header that browsers never send on their own, so no
 * other site can forge a request. No spelling that could be resolved to another path matches,
 * and neither do its pages for readers.
 */
const isApi = (path: string) =>
  /^\/api\/v1(?!\/(docs|openapi\.json)$)(\/[^/\\]+)+$/.test(path) && !leadsElsewhere(path);

/** No external id contains such a part, either (lib/base/external-id.ts). */
const leadsElsewhere = (path: string) =>
  decodeURIComponent(path)
    .split(/[/\\]/)
    .some((part) => part === "." || part === "..");

/** Paths that don't need the database or, like webhooks and health, have their own answer when it's away. */
const withoutDatabase = /^\/(_next\/|fonts\/|api\/health|api\/webhooks\/|favicon\.ico|icon\.svg|robots\.txt)/;
/** How soon a page that could not be shown reloads itself. */
const retryAfterSeconds = 5;

/** The request header with the client's address; only the gate sets it. */
export const clientAddressHeader = "x-client-address";

/**
 * Makes every request pass through here before Next sees it, in development and in production. Each gets an
 * id, which its log lines and its answer carry. An oversized body is refused before it is read, or as soon as
 * it exceeds the limit; a request that arrives too slowly is cut off; requests that change something must
 * come from our own pages. While the database can't be used, pages are answered with 503 within two seconds.
 * Next can't do that itself, because it can't change the status of a page that it has started to send.
 * @param ask whether the database can be used
 */
export function installGate({ headersMs, requestMs } = usualTimes, ask = askDatabase): void {
  // Next has no hook that runs before a request is handled, and it buffers a whole form before calling us.
  const emit = Reflect.get(Server.prototype, "emit") as (
    this: Server,
    event: string,
    ...args: unknown[]
  ) => boolean;
  Server.prototype.emit = function (this: Server, event: string, ...args: unknown[]) {
    // Next's server exists before this runs, and has Node's defaults of a minute and five.
    if (event === "connection") Object.assign(this, { headersTimeout: headersMs, requestTimeout: requestMs });
    if (event !== "request") return emit.call(this, event, ...args);
    const [request, response] = args as [IncomingMessage, ServerResponse];
    const id = identify(request, response);
    const pass = () => withRequestId(id, () => emit.call(this, event, ...args));
    admit(request, response, () => void passWhenUsable(request, response, ask, pass));
    return true;
  };
}

/**
 * Only our own proxies may choose a request's id; otherwise, anyone could forge another request's log lines.
 */
function identify(request: IncomingMessage, response: ServerResponse): string {
  const trusted = isTrustedProxy(request.socket.remoteAddress ?? "", env().TRUSTED_PROXIES);
  const id = requestIdOf([request.headers[requestIdHeader]].flat()[0], trusted);
  request.headers[requestIdHeader] = id;
  response.setHeader(requestIdHeader, id);
  return id;
}

function admit(request: IncomingMessage, response: ServerResponse, pass: () => void) {
  const { APP_URL, TRUSTED_PROXIES } = env();
  const forwardedFor = [request.headers["x-forwarded-for"] ?? ""].flat().join(",");
  request.headers[clientAddressHeader] =
    clientAddress(request.socket.remoteAddress ?? "", forwardedFor, TRUSTED_PROXIES) ?? "unknown";
  // Next checks a form's origin against this header, which any client can set.
  request.headers["x-forwarded-host"] = new URL(APP_URL).host;
  const path = pathOf(request);
  if (Number(request.headers["content-length"]) > maxBodyBytes) refuse(request, response, tooLarge(path));
  else if (path === null) refuse(request, response, nowhere());
  else if (changesSomething(request.method, path) && request.headers.origin !== APP_URL)
    refuse(request, response, refused(path));
  else if (request.headers["transfer-encoding"]) passWhenWhole(request, response, pass);
  else pass();
}

/**
 * The path as it was sent, or null if Next couldn't decode it. Not parsed as a URL, which would read part of
 * `//x/y` as a host and resolve dots.
 */
function pathOf({ url = "" }: IncomingMessage): string | null {
  const [path = ""] = url.split("?", 1);
  try {
    decodeURIComponent(path);
    return path;
  } catch {
    return null;
  }
}

function changesSomething(method: string | undefined, path: string): boolean {
  const reads = method === "GET" || method === "HEAD" || method === "OPTIONS";
  return !reads && !forPrograms.test(path) && !isApi(path);
}

/** An action called by a script passes: it answers with its own sentence, which its page shows. */
async function passWhenUsable(
  request: IncomingMessage,
  response: ServerResponse,
  ask: () => Promise<DatabaseState>,
  pass: () => void,
) {
  if (withoutDatabase.test(request.url ?? "") || request.headers["next-action"]) {
    pass();
    return;
  }
  const state = await ask();
  // Whoever has gone meanwhile needs no answer, and costs no work.
  if (response.destroyed) return;
  if (state === "usable") pass();
  else refuse(request, response, unusable(state, pathOf(request)));
}

type Answer = ReturnType<typeof htmlPage>;

/** Programs get a problem instead of a page. */
const asProgramsExpect = (path: string | null, code: ProblemCode, page: () => Answer, retryAfter?: number) =>
  path !== null && isApi(path) ? problemAnswer(code, { retryAfterSeconds: retryAfter }) : page();

const unusable = (state: DatabaseState, path: string | null) =>
  asProgramsExpect(path, "unavailable", () => unusablePage(state), retryAfterSeconds);

const unusablePage = (state: DatabaseState) =>
  htmlPage({
    status: 503,
    title: "We can’t get to your data right now",
    text:
      state === "read-only"
        ? "Our database isn’t accepting changes, so nothing was saved. This page will try again on its own."
        : "Our database isn’t answering. Nothing was lost or changed. This page will try again on its own.",
    link: { href: env().APP_URL, label: "Go to the home page" },
    retryAfterSeconds,
  });

const tooLarge = (path: string | null) =>
  asProgramsExpect(path, "too-large", () =>
    htmlPage({
      status: 413,
      title: "That request was too large",
      text: "It was over our size limit, so we ignored it.",
      link: { href: "/", label: "Go to the home page" },
    }),
  );

const nowhere = () =>
  htmlPage({
    status: 404,
    title: "Page not found",
    text: "The address is incomplete or contains a mistake.",
    link: { href: "/connections", label: "Go to your connections" },
  });

/** Tells a program what is wrong with the id in its path. */
const refused = (path: string) =>
  path.startsWith("/api/v1/") && leadsElsewhere(path)
    ? problemAnswer("invalid-request", {
        errors: [{ at: "path", detail: "No part of an id between slashes can be “.” or “..”" }],
      })
    : foreign();

const foreign = () =>
  htmlPage({
    status: 403,
    title: "That didn’t come from one of our pages",
    text: `Nothing was done. Open ${env().APP_NAME} at its usual address and try again.`,
    link: { href: env().APP_URL, label: "Go to the home page" },
  });

function refuse(request: IncomingMessage, response: ServerResponse, { status, headers, body }: Answer) {
  response.writeHead(status, headers).end(body);
  request.resume();
  setTimeout(() => request.complete || request.socket.destroy(), lingerMs).unref();
}

/** Buffers a body of unknown length up to the limit, and passes the request on once it is complete. */
function passWhenWhole(request: IncomingMessage, response: ServerResponse, pass: () => void) {
  const push = request.push.bind(request);
  const chunks: Buffer[] = [];
  let bytes = 0;
  request.push = (chunk: Buffer | null) => {
    if (chunk === null) {
      request.push = push;
      for (const kept of chunks) push(kept);
      push(null);
      pass();
      return true;
    }
    bytes += chunk.length;
    chunks.push(chunk);
    if (bytes > maxBodyBytes) {
      request.push = () => true;
      refuse(request, response, tooLarge(pathOf(request)));
    }
    return true;
  };
}
