import { once } from "node:events";
import { createServer, request, type IncomingHttpHeaders, type Server } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DatabaseState } from "@/lib/db/usable";
import { clientAddressHeader, installGate } from "./gate";
import { currentRequestId, requestIdHeader } from "@/lib/base/request-id";
import { testSettings } from "@/lib/testing/unique";

Object.assign(process.env, testSettings, {
  APP_URL: "https://app.example.com",
  TRUSTED_PROXIES: "127.0.0.1",
});

const origin = "https://app.example.com";
let databaseState: DatabaseState = "usable";
/** Resolves before the gate learns the state. */
let asked = Promise.resolve();
const seen: { bytes: number; headers: Record<string, unknown>; requestId: string | undefined }[] = [];
let server: Server;

beforeAll(async () => {
  // Created before the gate, as Next does with its own.
  server = createServer({ connectionsCheckingInterval: 50 }, (incoming, answer) => {
    let bytes = 0;
    const requestId = currentRequestId();
    incoming.on("data", (chunk: Buffer) => (bytes += chunk.length));
    incoming.on("end", () => {
      seen.push({ bytes, headers: incoming.headers, requestId });
      answer.end("taken");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  installGate({ headersMs: 300, requestMs: 1_000 }, () => asked.then(() => databaseState));
});
afterAll(() => server.close());

interface Posted {
  method?: string;
  path?: string;
  headers?: Record<string, string>;
  chunks?: Buffer[];
  from?: string;
}

function send({
  method = "POST",
  path = "/",
  headers = {},
  chunks = [],
  from = "127.0.0.1",
}: Posted): Promise<{ status: number; body: string; headers: IncomingHttpHeaders }> {
  return new Promise((resolve, reject) => {
    const { port } = server.address() as AddressInfo;
    const outgoing = request(
      { port, host: "127.0.0.1", localAddress: from, method, path, headers },
      (answer) => {
        let body = "";
        answer.on("data", (chunk: Buffer) => (body += chunk.toString()));
        answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body, headers: answer.headers }));
      },
    );
    outgoing.on("error", reject);
    for (const chunk of chunks) outgoing.write(chunk);
    outgoing.end();
  });
}

const chunked = { Origin: origin, "Transfer-Encoding": "chunked" };

test("a body within the limit arrives whole, whether or not its length is declared", async () => {
  for (const headers of [{ Origin: origin, "Content-Length": "65536" }, chunked]) {
    expect(await send({ headers, chunks: [Buffer.alloc(65_536)] })).toMatchObject({
      status: 200,
      body: "taken",
    });
    expect(seen.at(-1)?.bytes).toBe(65_536);
  }
});

test("a body over the limit is refused before more than the limit is read", async () => {
  const before = seen.length;
  const chunks = Array.from({ length: 40 }, () => Buffer.alloc(16_384));
  for (const headers of [{ Origin: origin, "Content-Length": String(40 * 16_384) }, chunked])
    expect(await send({ headers, chunks })).toMatchObject({
      status: 413,
      body: expect.stringContaining("<h1") as string,
    });
  expect(seen).toHaveLength(before);
});

/** Sends `first`, then `next` repeatedly, and reports when the server hangs up. */
async function trickle(first: string, next: Buffer | string, everyMs: number) {
  const startedAt = performance.now();
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  let answer = "";
  let sent = 0;
  socket.on("data", (chunk: Buffer) => (answer += chunk.toString())).on("error", () => undefined);
  socket.write(first);
  const timer = setInterval(() => {
    if (socket.writableLength === 0 && socket.write(next)) sent += next.length;
  }, everyMs);
  await new Promise((resolve) => socket.once("close", resolve));
  clearInterval(timer);
  return { answer, sent, ms: performance.now() - startedAt };
}

test("a client that sends its headers one at a time is cut off", async () => {
  const { ms } = await trickle("GET / HTTP/1.1\r\nHost: x\r\n", "X-More: 1\r\n", 20);
  expect(ms).toBeLessThan(5_000);
});

test.each(["Content-Length: 60000", "Transfer-Encoding: chunked"])(
  "a client that sends its body a byte at a time is cut off: %s",
  async (length) => {
    const before = seen.length;
    const head = `POST / HTTP/1.1\r\nHost: x\r\nOrigin: ${origin}\r\n${length}\r\n\r\n`;
    const { ms } = await trickle(head, length.startsWith("T") ? "1\r\nx\r\n" : "x", 20);
    expect(ms).toBeLessThan(5_000);
    expect(seen).toHaveLength(before);
  },
);

test.each(["Content-Length: 1000000000", "Transfer-Encoding: chunked"])(
  "a body of a gigabyte is refused, and the connection ends long before it is through: %s",
  async (length) => {
    const before = seen.length;
    const head = `POST / HTTP/1.1\r\nHost: x\r\nOrigin: ${origin}\r\n${length}\r\n\r\n`;
    const piece = Buffer.alloc(65_536, "x");
    const chunk = Buffer.concat([Buffer.from("10000\r\n"), piece, Buffer.from("\r\n")]);
    const { answer, sent, ms } = await trickle(head, length.startsWith("T") ? chunk : piece, 10);
    expect(answer).toContain("413");
    expect(sent).toBeLessThan(1_000_000_000);
    expect(ms).toBeLessThan(10_000);
    expect(seen).toHaveLength(before);
  },
);

test.each([
  [{}, 403],
  [{ Origin: "null" }, 403],
  [{ Origin: "https://evil.example" }, 403],
  [{ Origin: "https://evil.example", "X-Forwarded-Host": "evil.example", Host: "evil.example" }, 403],
  [{ Origin: "http://app.example.com" }, 403],
  [{ Origin: origin }, 200],
])("a POST with %j is answered with %i", async (headers, status) => {
  for (const path of [
    "/",
    "/api/auth/signout",
    "/no/such/page",
    "/api/webhooks/snaptrade/../../../connections",
    "/_next/static/x",
  ])
    expect((await send({ path, headers: headers })).status, path).toBe(status);
});

test.each([
  "/api/webhooks/snaptrade",
  "/api/cron/reconcile",
  "/api/unsubscribe/2f8c0b6e-token.Signed_-",
  "/api/webhooks/snaptrade?from=//x",
  "/api/v1/users/a%2Fb%20c/check",
  "/api/v1/connections?user=../x",
])("programs may POST to %s without an Origin header", async (path) => {
  expect((await send({ path })).status).toBe(200);
});

test.each([
  "//evil/api/webhooks/snaptrade",
  "///evil/api/webhooks/snaptrade",
  "/\\evil/api/webhooks/snaptrade",
  "http://evil/api/webhooks/snaptrade",
  "//api/webhooks/snaptrade",
  "/api//webhooks/snaptrade",
  "/api\\webhooks/snaptrade",
  "/api/webhooks%2Fsnaptrade",
  "/api/%77ebhooks/snaptrade",
  "/API/webhooks/snaptrade",
  "/api/webhooks/snaptrade/",
  "/api/webhooks/snaptrade#/../../../connections",
  "/connections/../api/webhooks/snaptrade",
  "/connections/%2e%2E/api/webhooks/snaptrade",
  "/api/unsubscribe/..",
  "/api/unsubscribe/%2e%2e%2fconnections",
  "/api/unsubscribe/x\\..\\..\\connections",
  "/api/v1/../../connections",
  "/api/v1/%2e%2e/%2E./connections",
  "/api/v1/users/x%2f..%2F..%2f..%2fconnections",
  "/api/v1/users/x%5c..%5cconnections",
  "/api/v1//users",
  "/api/v1/users/",
  "/api/v1/docs",
])("a POST to %s, which is not an exact program path, requires our origin", async (path) => {
  expect((await send({ path })).status).toBe(403);
  expect((await send({ path: `${path}?a=/b`, headers: { Origin: origin } })).status).toBe(200);
});

test.each(["/connections/%zz", "/portal/%/return", "/%E0%A4%A"])(
  "%s, which Next cannot decode, is answered with a page",
  async (path) => {
    expect(await send({ method: "GET", path })).toMatchObject({
      status: 404,
      body: expect.stringContaining("<h1") as string,
    });
  },
);

test("the API's clients get problems, not pages", async () => {
  const chunks = Array.from({ length: 5 }, () => Buffer.alloc(16_384));
  const {
    status,
    body,
    headers: answered,
  } = await send({ path: "/api/v1/users/x", headers: chunked, chunks });
  expect(status).toBe(413);
  expect(answered["content-type"]).toBe("application/problem+json");
  expect(JSON.parse(body)).toMatchObject({ status: 413, code: "too-large" });
  databaseState = "away";
  const away = await send({ method: "GET", path: "/api/v1/connections" });
  databaseState = "usable";
  expect(away.status).toBe(503);
  expect(away.headers["retry-after"]).toBe("5");
  expect(JSON.parse(away.body)).toMatchObject({ code: "unavailable" });
});

test("reads require no origin", async () => {
  for (const method of ["GET", "HEAD"])
    expect((await send({ method, path: "/connections" })).status).toBe(200);
});

test("the gate sets the client's address, whatever headers the client sends", async () => {
  await send({
    method: "GET",
    headers: {
      [clientAddressHeader]: "6.6.6.6",
      "X-Forwarded-For": "6.6.6.6, 198.51.100.1",
      "X-Forwarded-Host": "evil.example",
    },
  });
  expect(seen.at(-1)?.headers).toMatchObject({
    [clientAddressHeader]: "198.51.100.1",
    "x-forwarded-host": "app.example.com",
  });
});

describe("while the database can't be used", () => {
  beforeAll(() => void (databaseState = "away"));
  afterAll(() => void (databaseState = "usable"));

  test.each(["/", "/connections", "/connections/1?x=y", "/api/live", "/api/cron/reconcile", "/no/such/page"])(
    "%s says so with 503 and tries again on its own",
    async (path) => {
      const { status, body } = await send({ method: "GET", path });
      expect(status).toBe(503);
      expect(body).toContain("We can’t get to your data right now");
      expect(body).toContain(`<meta http-equiv="refresh" content="5">`);
    },
  );

  test("a form is answered with 503 as well", async () => {
    expect(await send({ headers: { Origin: origin }, chunks: [Buffer.from("a=b")] })).toMatchObject({
      status: 503,
    });
  });

  test.each(["/_next/static/x.js", "/icon.svg", "/api/health", "/api/health/live"])(
    "%s needs no database and passes",
    async (path) => {
      expect(await send({ method: "GET", path })).toMatchObject({ status: 200 });
    },
  );

  test("webhooks and a script's actions pass, because they have answers of their own", async () => {
    expect(await send({ path: "/api/webhooks/snaptrade" })).toMatchObject({ status: 200 });
    expect(await send({ headers: { Origin: origin, "Next-Action": "0" } })).toMatchObject({ status: 200 });
  });
});

test("a request whose client has gone while the gate asked is not handled", async () => {
  const before = seen.length;
  let answer: () => void = () => undefined;
  asked = new Promise((resolve) => (answer = resolve));
  const { port } = server.address() as AddressInfo;
  const socket = connect(port, "127.0.0.1");
  const arrived = once(server, "connection") as Promise<[Socket]>;
  socket.write("GET /connections HTTP/1.1\r\nHost: x\r\n\r\n");
  const [peer] = await arrived;
  const gone = once(peer, "close");
  socket.destroy();
  await gone;
  answer();
  asked = Promise.resolve();
  expect((await send({ method: "GET" })).status).toBe(200);
  expect(seen).toHaveLength(before + 1);
});

const idOf = async (given: Record<string, string>, from?: string) => {
  const { headers } = await send({ method: "GET", headers: given, from });
  const answered = headers[requestIdHeader];
  expect(seen.at(-1)).toMatchObject({ requestId: answered, headers: { [requestIdHeader]: answered } });
  return answered;
};
const made = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

test("a request has one id, for the code that handles it, its headers, and its answer", async () => {
  const ids = [await idOf({}), await idOf({})];
  for (const id of ids) expect(id).toMatch(made);
  expect(ids[0]).not.toBe(ids[1]);
  await send({ headers: chunked, chunks: [Buffer.alloc(10)] });
  expect(seen.at(-1)?.requestId).toMatch(made);
});

test("a trusted proxy chooses the id; nobody else does, and no implausible id is taken", async () => {
  expect(await idOf({ "X-Request-Id": "proxy-0123456789" })).toBe("proxy-0123456789");
  expect(await idOf({ "X-Request-Id": "proxy-0123456789" }, "127.0.0.2")).toMatch(made);
  for (const odd of ["short", "with spaces inside", '{"level":60}', "x".repeat(101)])
    expect(await idOf({ "X-Request-Id": odd })).toMatch(made);
});

test("an answer from the gate itself carries an id too", async () => {
  const { status, headers } = await send({ path: "/" });
  expect(status).toBe(403);
  expect(headers[requestIdHeader]).toMatch(made);
});
