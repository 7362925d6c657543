import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startEmulator } from "./server";
import { createClient } from "../testing";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "emulator-"));
});
afterAll(() => rm(folder, { recursive: true }));

const main = new URL("../main.ts", import.meta.url).pathname;
const secrets = { clientId: "ACME", consumerKey: "key" };

function run(env: Record<string, string>): ChildProcess {
  const settings = {
    EMULATOR_PORT: "0",
    EMULATOR_SMTP_PORT: "0",
    EMULATOR_CLIENT_ID: secrets.clientId,
    EMULATOR_CONSUMER_KEY: secrets.consumerKey,
  };
  return spawn(process.execPath, ["--import", "tsx", main], { env: { ...process.env, ...settings, ...env } });
}

async function firstLine(child: ChildProcess): Promise<string> {
  const [chunk] = (await once(child.stdout ?? child, "data")) as [Buffer];
  return chunk.toString();
}

async function failure(child: ChildProcess) {
  let text = "";
  child.stderr?.on("data", (chunk: Buffer) => (text += chunk.toString()));
  const [code] = (await once(child, "exit")) as [number | null];
  return { code, text };
}

test("the state file preserves everything across a restart", async () => {
  const statePath = join(folder, "sub", "state.json");
  const first = await startEmulator({ ...secrets, statePath });
  const { data: user } = await createClient(first).authentication.registerSnapTradeUser({ userId: "kept" });
  await fetch(`${first.url}/control/api/users/kept/connections`, {
    method: "POST",
    body: '{"brokerage":"KRAKEN"}',
  });
  await fetch(`${first.url}/control/api/settings`, { method: "POST", body: '{"rateLimit":99}' });
  await first.close();

  const second = await startEmulator({ ...secrets, statePath });
  const known = { userId: "kept", userSecret: user.userSecret ?? "" };
  const answer = await createClient(second).connections.listBrokerageAuthorizations(known);
  expect(answer.data).toMatchObject([{ brokerage: { slug: "KRAKEN" } }]);
  expect(answer.headers["x-ratelimit-limit"]).toBe("99");
  await second.close();
});

test(
  "the process prints one line, and on SIGTERM saves its state and exits at once",
  { timeout: 20_000 },
  async () => {
    const statePath = join(folder, "process.json");
    const child = run({ EMULATOR_STATE: statePath });
    const line = await firstLine(child);
    expect(line).toMatch(/^Emulator ready: http:\/\/localhost:\d+ \(SMTP localhost:\d+\)\n$/);
    const url = /http:\S+/.exec(line)?.[0] ?? "";
    await createClient({ url, ...secrets }).authentication.registerSnapTradeUser({ userId: "kept" });
    const open = fetch(`${url}/control/api/mail/wait?to=nobody@example.com&timeoutMs=60000`).catch(
      () => "cut",
    );
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([0, null]);
    expect(await open).toBe("cut");
    expect(await readFile(statePath, "utf8")).toContain('"kept"');
  },
);

test("a damaged state file stops startup with one sentence", { timeout: 20_000 }, async () => {
  const statePath = join(folder, "damaged.json");
  await writeFile(statePath, '{"version":1,"users":[[');
  const { code, text } = await failure(run({ EMULATOR_STATE: statePath }));
  expect(code).toBe(1);
  expect(text).toBe(`The emulator's state file ${statePath} is damaged; delete it to start over.\n`);
  expect(await readFile(statePath, "utf8")).toBe('{"version":1,"users":[[');
});

test("a port that is in use is reported with its setting", { timeout: 20_000 }, async () => {
  const running = await startEmulator();
  const { port } = new URL(running.url);
  const smtpPort = new URL(running.smtpUrl).port;
  const [http, smtp] = await Promise.all([
    failure(run({ EMULATOR_PORT: port })),
    failure(run({ EMULATOR_SMTP_PORT: smtpPort })),
  ]);
  expect(http).toEqual({
    code: 1,
    text: `Port ${port} is already in use; set EMULATOR_PORT to another port.\n`,
  });
  expect(smtp).toEqual({
    code: 1,
    text: `Port ${smtpPort} is already in use; set EMULATOR_SMTP_PORT to another port.\n`,
  });
  await running.close();
});

test("several emulators run in one process", async () => {
  const [one, other] = await Promise.all([startEmulator(secrets), startEmulator(secrets)]);
  await createClient(one).authentication.registerSnapTradeUser({ userId: "only-here" });
  expect((await createClient(other).authentication.listSnapTradeUsers()).data).toEqual([]);
  await Promise.all([one.close(), other.close()]);
});
