import "server-only";
import { Server, type IncomingMessage, type ServerResponse } from "node:http";
import { clientAddress, isTrustedProxy } from "@/lib/base/client-address";
import { env } from "@/lib/base/env";
import { requestIdHeader, requestIdOf, withRequestId } from "@/lib/base/request-id";
import { htmlPage } from "./html-page";

/** No request to this app needs more than this; SnapTrade's webhooks are the largest. */
const maxBodyBytes = 64 * 1024;
/** How long a refused sender may keep sending, so that it can read our answer before we disconnect. */
const lingerMs = 5_000;

/**
 * Paths that programs post to rather than our own pages; each checks its own secret. Only these exact
 * spellings match, so nothing here depends on how Next resolves any other.
 */
const forPrograms = /^\/api\/(webhooks\/snaptrade|cron\/reconcile|unsubscribe\/[\w-]+(\.[\w-]+)?)$/;

/** The request header with the client's address; only the gate sets it. */
export const clientAddressHeader = "x-client-address";

/**
 * Makes every request pass through here before Next sees it, in development and in production. Each gets an id,
 * which its log lines and its answer carry. An oversized body is refused before it is read, or as soon as it
 * exceeds the limit; requests that change something must come from our own pages.
 */
export function installGate(): void {
  // Next has no hook that runs before a request is handled, and it buffers a whole form before calling us.
  const emit = Reflect.get(Server.prototype, "emit") as (
    this: Server,
    event: string,
    ...args: unknown[]
  ) => boolean;
  Server.prototype.emit = function (this: Server, event: string, ...args: unknown[]) {
    if (event !== "request") return emit.call(this, event, ...args);
    const [request, response] = args as [IncomingMessage, ServerResponse];
    const id = identify(request, response);
    admit(request, response, () => withRequestId(id, () => emit.call(this, event, ...args)));
    return true;
  };
}

/** Only our own proxies may choose a request's id, or anyone could forge another request's lines in the log. */
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
  request.headers[clientAddressHeader] = clientAddress(
    request.socket.remoteAddress ?? "",
    forwardedFor,
    TRUSTED_PROXIES,
  );
  // Next checks a form's origin against this header, which any client can set.
  request.headers["x-forwarded-host"] = new URL(APP_URL).host;
  const path = pathOf(request);
  if (Number(request.headers["content-length"]) > maxBodyBytes) refuse(request, response, tooLarge());
  else if (path === null) refuse(request, response, nowhere());
  else if (changesSomething(request.method, path) && request.headers.origin !== APP_URL)
    refuse(request, response, foreign());
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
  return method !== "GET" && method !== "HEAD" && method !== "OPTIONS" && !forPrograms.test(path);
}

const tooLarge = () =>
  htmlPage({
    status: 413,
    title: "That request was too large",
    text: "It was over our size limit, so we ignored it.",
    link: { href: "/", label: "Go to the home page" },
  });

const nowhere = () =>
  htmlPage({
    status: 404,
    title: "Page not found",
    text: "The address is incomplete or contains a mistake.",
    link: { href: "/connections", label: "Go to your connections" },
  });

const foreign = () =>
  htmlPage({
    status: 403,
    title: "That didn’t come from one of our pages",
    text: `Nothing was done. Open ${env().APP_NAME} at its usual address and try again.`,
    link: { href: env().APP_URL, label: "Go to the home page" },
  });

function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  { status, headers, body }: ReturnType<typeof htmlPage>,
) {
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
      refuse(request, response, tooLarge());
    }
    return true;
  };
}
