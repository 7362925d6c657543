import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { freePort, root } from "../../support/ground.mjs";
import { makePerson } from "../../support/people";
import { settingsFor, startApp, startEmulator, type Running } from "../../support/processes";
import { expect, test } from "../../support/test";

test.describe.configure({ mode: "serial" });

let data = "";
let ports = { app: 0, emulator: 0, smtp: 0 };
let emulator: Running;
let app: Running;
const settings = () => ({
  DATABASE_URL: `pglite:${data}`,
  LOG_LEVEL: "silent",
  RECONCILE_IN_PROCESS: "false",
});

test.beforeAll(async () => {
  test.setTimeout(180_000);
  data = await mkdtemp(path.join(tmpdir(), "reconnect-process-"));
  ports = { app: await freePort(), emulator: await freePort(), smtp: await freePort() };
  emulator = await startEmulator(ports);
  app = await startApp(ports, settings());
});

test.afterAll(async () => {
  await Promise.all([app.stop(), emulator.stop()]);
  await rm(data, { recursive: true, force: true });
});

const megabyte = 1024 * 1024;

/** The app process's peak memory so far, in bytes. */
async function peakBytes(): Promise<number> {
  const [, kilobytes = ""] =
    /VmHWM:\s+(\d+) kB/.exec(await readFile(`/proc/${app.child.pid ?? 0}/status`, "utf8")) ?? [];
  return Number(kilobytes) * 1024;
}

/**
 * Posts 150 MB as fast as they are accepted.
 * @returns the response status, or null if the connection ended without one
 */
function postMuch(place: string, headers: Record<string, string>): Promise<number | null> {
  return new Promise((resolve) => {
    const outgoing = request(
      `${app.url}${place}`,
      { method: "POST", headers: { Origin: app.url, ...headers } },
      (answer) => {
        resolve(answer.statusCode ?? null);
        answer.resume();
      },
    );
    outgoing.on("error", () => resolve(null));
    const chunk = Buffer.alloc(megabyte, "a");
    let left = 150;
    const more = () => {
      while (left-- > 0) if (!outgoing.write(chunk)) return void outgoing.once("drain", more);
      outgoing.end();
    };
    more();
  });
}

test("150 MB posted to any route are refused without growing memory", async () => {
  const before = await peakBytes();
  for (const place of ["/api/auth/callback/email", "/", "/api/unsubscribe/x"]) {
    for (const headers of [
      { "Content-Length": String(150 * megabyte) },
      { "Transfer-Encoding": "chunked" },
    ] as Record<string, string>[])
      expect(
        await postMuch(place, { "Content-Type": "application/x-www-form-urlencoded", ...headers }),
        place,
      ).toBe(413);
  }
  expect((await peakBytes()) - before).toBeLessThan(60 * megabyte);
});

test("with settings missing, nothing starts, and all that is said is what to set", () => {
  const env = {
    ...process.env,
    ...settingsFor(ports),
    SMTP_URL: "",
    CRON_SECRET: "",
    BRAND_COLOR: "greenish",
  };
  const { status, stdout, stderr } = spawnSync("npm", ["start", "--silent"], {
    cwd: root,
    env,
    encoding: "utf8",
  });
  expect(status).toBe(1);
  expect(stdout).toBe("");
  const lines = stderr.split("\n").filter((line) => line && !line.startsWith("npm "));
  expect(lines.map((line) => line.split(" ")[0])).toEqual(["BRAND_COLOR", "SMTP_URL", "CRON_SECRET"]);
});

test("on SIGTERM with a page open, the server ends the stream with a retry hint, exits within ten seconds, and releases its database", async () => {
  const person = await makePerson({ appUrl: app.url, emulatorUrl: emulator.url }, "stop@example.com");
  const stream = await fetch(`${app.url}/api/live`, { headers: { Cookie: person.visitor.cookieHeader() } });
  expect(stream.status).toBe(200);
  const heard = stream.text();
  const gone = once(app.child, "exit");
  const signaledAt = Date.now();
  app.child.kill("SIGTERM");
  expect(await heard).toMatch(/retry: \d+\n\n$/);
  await gone;
  expect(Date.now() - signaledAt).toBeLessThan(10_000);
  app = await startApp(ports, settings());
  expect((await fetch(`${app.url}/api/health`)).status).toBe(200);
});
