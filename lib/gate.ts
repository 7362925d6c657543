import "server-only";
import { Server, type IncomingMessage, type ServerResponse } from "node:http";
import { clientAddress } from "./client-address";
import { env } from "./env";
import { htmlPage } from "./html-page";

/** No request of this app needs more; SnapTrade's webhooks are the largest. */
const maxBodyBytes = 64 * 1024;
/** Whoever was refused may finish sending for this long, so that they read the answer rather than a broken connection. */
const lingerMs = 5_000;

/** Where programs post rather than our own pages; each of these asks for a secret of its own. */
const forPrograms = /^\/api\/(webhooks\/snaptrade|cron\/reconcile|unsubscribe\/[^/]+)$/;

/** The request header that says who sent it; only the gate writes it. */
export const clientAddressHeader = "x-client-address";

/**
 * Lets every request to this process pass through here before Next sees it, in development and in production alike.
 * A body is refused before it is read, or as soon as it is too long; what changes something must come from a page of ours.
 */
export function installGate(): void {
  // Next takes requests without a place of ours before it, and reads a form whole before any code of ours runs.
  const emit = Reflect.get(Server.prototype, "emit") as (this: Server, event: string, ...args: unknown[]) => boolean;
  Server.prototype.emit = function (this: Server, event: string, ...args: unknown[]) {
    if (event !== "request") return emit.call(this, event, ...args);
    admit(args[0] as IncomingMessage, args[1] as ServerResponse, () => emit.call(this, event, ...args));
    return true;
  };
}

function admit(request: IncomingMessage, response: ServerResponse, pass: () => void) {
  const { APP_URL, TRUSTED_PROXIES } = env();
  const forwardedFor = [request.headers["x-forwarded-for"] ?? ""].flat().join(",");
  request.headers[clientAddressHeader] = clientAddress(request.socket.remoteAddress ?? "", forwardedFor, TRUSTED_PROXIES);
  // Next compares the origin of a form with this header, which anybody can send.
  request.headers["x-forwarded-host"] = new URL(APP_URL).host;
  const path = pathOf(request);
  if (Number(request.headers["content-length"]) > maxBodyBytes) refuse(request, response, tooLarge());
  else if (path === null) refuse(request, response, nowhere());
  else if (changesSomething(request.method, path) && request.headers.origin !== APP_URL) refuse(request, response, foreign());
  else if (request.headers["transfer-encoding"]) passWhenWhole(request, response, pass);
  else pass();
}

/** The path as Next will resolve it, or null where that is not possible. */
function pathOf({ url = "" }: IncomingMessage): string | null {
  try {
    const { pathname } = new URL(url, "http://here");
    decodeURIComponent(pathname);
    return pathname;
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
    title: "That was too much to take",
    words: "The request was larger than anything that is sent here, so nothing was done.",
    link: { href: "/", label: "Back to the start" },
  });

const nowhere = () =>
  htmlPage({
    status: 404,
    title: "There is nothing here",
    words: "The address isn’t complete, or was changed on its way.",
    link: { href: "/connections", label: "To your connections" },
  });

const foreign = () =>
  htmlPage({
    status: 403,
    title: "That didn’t come from one of our pages",
    words: `Nothing was done. Open ${env().APP_NAME} at its usual address and try again.`,
    link: { href: env().APP_URL, label: "Back to the start" },
  });

function refuse(request: IncomingMessage, response: ServerResponse, { status, headers, body }: ReturnType<typeof htmlPage>) {
  response.writeHead(status, headers).end(body);
  request.resume();
  setTimeout(() => request.complete || request.socket.destroy(), lingerMs).unref();
}

/** A body of unknown length is counted while it comes, and passed on once all of it is there. */
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
