import { expect, test } from "vitest";
import { createLog, describeError } from "./log";
import { withOwnId, withRequestId } from "./request-id";

process.env.SNAPTRADE_CONSUMER_KEY = "a-consumer-key-that-nobody-may-see";
process.env.ENCRYPTION_KEYS = "k2:c2Vjb25kIGtleSBvZiAzMiBieXRlcw==,k1:Zmlyc3Qga2V5IG9mIDMyIGJ5dGVzIQ==";
process.env.OTEL_EXPORTER_OTLP_HEADERS = "api-key=otlp-key-5c1d77ab90,other=padded%20key==";
process.env.DATABASE_URL = "postgres://reconnect:p%40ss%2Fword-9931@db/reconnect";
process.env.LOG_LEVEL = "debug";

function capture() {
  const lines: string[] = [];
  return { lines, log: createLog({ write: (line: string) => void lines.push(line) }) };
}

const secret = "s3cr3t-0f-4-p3rs0n";
const hostile = Object.assign(
  new Error(`Request failed: https://api.example.com/x?userSecret=${secret} ${secret}`, {
    cause: new Error(`password ${secret}`),
  }),
  { config: { headers: { Signature: secret } } },
);

test("neither an error's message nor its cause's or its request's is logged in any form", () => {
  const { lines, log } = capture();
  log.error(hostile);
  log.error(hostile, "Said something");
  log.error({ err: hostile });
  log.error({ error: hostile, cause: hostile }, "Said something");
  log.error({ ...describeError(hostile) }, "Said something");
  expect(lines).toHaveLength(5);
  expect(lines.filter((line) => line.includes(secret))).toEqual([]);
  expect(lines[0]).toContain('"error":"Error"');
});

test("fields named like secrets lose their values, three levels deep", () => {
  const { lines, log } = capture();
  log.info({ userSecret: secret, loginLink: secret, email: "maya@example.com" }, "one");
  log.info({ headers: { authorization: secret, cookie: secret, "set-cookie": secret } }, "two");
  log.info({ request: { headers: { authorization: secret, Signature: secret } } }, "three");
  expect(lines).toHaveLength(3);
  expect(lines.filter((line) => line.includes(secret) || line.includes("maya"))).toEqual([]);
});

test.each([
  ["a login link", `https://app.snaptrade.com/snapTrade/redeemToken?token=${secret}&sessionId=1`],
  ["a sign-in link", `/sign-in?token=${secret}`],
  ["a link that leads to reconnecting", `https://app.example.com/fix/${secret}`],
  ["a link that unsubscribes", `/unsubscribe/${secret}.${secret}`],
  ["a database's address", `postgres://app:${secret}@db.example.com/app`],
  ["a bearer token", `Authorization: Bearer ${secret}`],
  ["the consumer key", "key a-consumer-key-that-nobody-may-see end"],
  ["one of several encryption keys", "sealed with Zmlyc3Qga2V5IG9mIDMyIGJ5dGVzIQ=="],
  ["a header for telemetry", "sent otlp-key-5c1d77ab90"],
  ["a header for telemetry, decoded", "sent padded key=="],
  ["a database's password", "no p%40ss%2Fword-9931"],
  ["a database's password, decoded", "no p@ss/word-9931"],
  ["an e-mail address", "mail to maya@example.com failed"],
])("%s in a text loses its secret", (_, text) => {
  const { lines, log } = capture();
  log.warn({ place: text }, text);
  const [line = ""] = lines;
  expect(line).toContain("[redacted]");
  for (const hidden of [
    secret,
    "that-nobody-may-see",
    "Zmlyc3",
    "maya@example.com",
    "5c1d77",
    "padded",
    "9931",
  ])
    expect(line).not.toContain(hidden);
  expect(JSON.parse(line)).toMatchObject({ level: 40 });
});

test("each line carries the id of its request, even after waiting, and background work has its own", async () => {
  const { lines, log } = capture();
  log.info("outside");
  await withRequestId("request-1", async () => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    log.info("inside");
    withOwnId("round", () => log.info("round"));
  });
  const ids = lines.map((line) => (JSON.parse(line) as { requestId?: string }).requestId);
  expect(ids[0]).toBeUndefined();
  expect(ids[1]).toBe("request-1");
  expect(ids[2]).toMatch(/^round-[\da-f-]{36}$/);
});
