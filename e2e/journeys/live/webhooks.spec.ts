import { randomUUID } from "node:crypto";
import { request as httpRequest } from "node:http";
import { signEvent, writeBody } from "../../emulator/webhooks/body";
import { exampleSettings } from "../../support/ground.mjs";
import { expect, servers, test } from "../../support/test";

const settings = exampleSettings() as Record<string, string>;
const path = () => `${servers().appUrl}/api/webhooks/snaptrade`;

function post(body: BodyInit, signature: string | null) {
  return fetch(path(), { method: "POST", body, headers: signature === null ? {} : { Signature: signature } });
}

const event = () => ({
  webhookId: randomUUID(),
  eventType: "SOMETHING_NEW",
  userId: randomUUID(),
  eventTimestamp: new Date().toISOString(),
});
const sign = (content: object) => signEvent(settings.SNAPTRADE_CONSUMER_KEY ?? "", content);

test("the route answers according to the contract", async () => {
  const known = event();
  const body = writeBody(known, "compact");
  expect((await post(body, sign(known))).status).toBe(204);
  expect((await post(body, sign(known))).status).toBe(204);
  expect((await post(body, sign(event()))).status).toBe(401);
  expect((await post(body, null)).status).toBe(401);
  expect((await post("{}", sign({}))).status).toBe(400);
  for (const method of ["GET", "PUT", "DELETE"]) expect((await fetch(path(), { method })).status).toBe(405);
});

test("hostile bodies cause neither a crash nor a server error", async () => {
  const bodies = [
    "",
    "null",
    "[".repeat(10_000),
    '{"a":'.repeat(10_000) + "1" + "}".repeat(10_000),
    '{"__proto__":{"webhookId":"1","eventType":"X"}}',
    `{"webhookId":"${"a".repeat(60_000)}"}`,
    new Uint8Array([0xff, 0xfe, 0x00, 0x7b]),
    '{"n":1e999999999}',
    `{"n":${"9".repeat(60_000)}}`,
  ];
  for (const body of bodies) expect((await post(body, sign(event()))).status).toBe(401);
  expect((await post("a".repeat(64 * 1024 + 1), null)).status).toBe(413);
  const healthy = await fetch(`${servers().appUrl}/api/health/live`);
  expect(healthy.status).toBe(200);
});

test("200 MB streamed without a length are refused early and never buffered", async () => {
  const { status, sent } = await stream(200 * 1024 * 1024);
  expect(status).toBe(413);
  expect(sent).toBeLessThan(200 * 1024 * 1024);
  expect((await fetch(`${servers().appUrl}/api/health/live`)).status).toBe(200);
});

test("the timer's round requires its secret", async () => {
  const url = `${servers().appUrl}/api/cron/reconcile`;
  for (const authorization of ["", "Bearer", "Bearer wrong", settings.CRON_SECRET ?? ""]) {
    expect((await fetch(url, { headers: { Authorization: authorization } })).status).toBe(401);
  }
  const allowed = { headers: { Authorization: `Bearer ${settings.CRON_SECRET ?? ""}` } };
  expect(await (await fetch(url, allowed)).json()).toMatchObject({ inbox: { dead: 0 } });
  expect((await fetch(url, { ...allowed, method: "POST" })).status).toBe(200);
});

/** Sends as fast as the server reads, until it answers. */
function stream(bytes: number): Promise<{ status: number; sent: number }> {
  return new Promise((resolve, reject) => {
    let sent = 0;
    let answered = false;
    const chunk = Buffer.alloc(64 * 1024, "a");
    const outgoing = httpRequest(
      path(),
      { method: "POST", headers: { Signature: "x", "Transfer-Encoding": "chunked" } },
      (answer) => {
        answered = true;
        answer.resume();
        outgoing.destroy();
        resolve({ status: answer.statusCode ?? 0, sent });
      },
    );
    outgoing.on("error", (error) => (answered ? undefined : reject(error)));
    function write() {
      while (!answered && sent < bytes) {
        sent += chunk.length;
        if (!outgoing.write(chunk)) {
          outgoing.once("drain", write);
          return;
        }
      }
      if (!answered) outgoing.end();
    }
    write();
  });
}
