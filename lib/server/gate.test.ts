import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chunked, origin, withGate } from "@/lib/testing/gate";

const { send, seen, database, port, server } = withGate();

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
  const socket = connect(port(), "127.0.0.1");
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
  database.state = "away";
  const away = await send({ method: "GET", path: "/api/v1/connections" });
  database.state = "usable";
  expect(away.status).toBe(503);
  expect(away.headers["retry-after"]).toBe("5");
  expect(JSON.parse(away.body)).toMatchObject({ code: "unavailable" });
});

describe("while the database can't be used", () => {
  beforeAll(() => void (database.state = "away"));
  afterAll(() => void (database.state = "usable"));

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
  database.asked = new Promise((resolve) => (answer = resolve));
  const socket = connect(port(), "127.0.0.1");
  const arrived = once(server(), "connection") as Promise<[Socket]>;
  socket.write("GET /connections HTTP/1.1\r\nHost: x\r\n\r\n");
  const [peer] = await arrived;
  const gone = once(peer, "close");
  socket.destroy();
  await gone;
  answer();
  database.asked = Promise.resolve();
  expect((await send({ method: "GET" })).status).toBe(200);
  expect(seen).toHaveLength(before + 1);
});
