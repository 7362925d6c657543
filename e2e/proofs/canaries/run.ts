import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Pool } from "pg";
import { signEvent, writeBody } from "../../emulator/webhooks/body";
import { Company, makeApiKey } from "../../support/company";
import { Control } from "../../support/control";
import { root, run } from "../../support/ground.mjs";
import { askForLink, makePerson, seedConnections, type Person } from "../../support/people";
import { startPostgres } from "../../support/postgres";
import { settingsFor, startEmulator } from "../../support/processes";
import { eventOf } from "../../support/sender";
import { freePorts } from "../crash/app";
import { dump, findLeaks, readBundles, type Canary, type Place } from "./search";

const canary = (name: string) => `canary-${name}-${randomBytes(12).toString("hex")}`;

/**
 * Plants recognizable secrets, puts the production build through what people, SnapTrade, and failures do, and
 * searches everything that could give a secret away. Then leaks one on purpose, to show that the search finds
 * it.
 * @returns false when a secret was found, or the planted leak was not
 */
export async function runCanaries(): Promise<boolean> {
  const postgres = await startPostgres();
  const folder = await mkdtemp(path.join(tmpdir(), "reconnect-canaries-"));
  const ports = await freePorts();
  const planted = {
    SNAPTRADE_CONSUMER_KEY: canary("consumer-key"),
    NEXTAUTH_SECRET: canary("nextauth"),
    CRON_SECRET: canary("cron"),
    ENCRYPTION_KEYS: `canary:${randomBytes(32).toString("base64")}`,
  };
  const settings = {
    ...settingsFor(ports),
    ...planted,
    DATABASE_URL: postgres.url,
    EVENTS_ALLOW_PRIVATE: "true",
  };
  if (!run("npm", ["run", "--silent", "db:migrate"], settings)) throw new Error("No migration");
  const apiKey = makeApiKey(settings);
  const statePath = path.join(folder, "emulator.json");
  const emulator = await startEmulator(ports, {
    EMULATOR_CONSUMER_KEY: planted.SNAPTRADE_CONSUMER_KEY,
    EMULATOR_STATE: statePath,
  });
  const app = await startTalkativeApp({ ...settings, LOG_LEVEL: "debug", RECONCILE_IN_PROCESS: "false" });
  const answers = recordAnswers(app.url);
  const servers = { appUrl: app.url, emulatorUrl: emulator.url };
  const control = new Control(emulator.url);

  const pool = new Pool({ connectionString: postgres.url, max: 1 });
  const person = await makePerson(servers, "canary@example.com");
  const webhookSecret = canary("webhook-secret");
  const loginLink = await journey(person, { consumerKey: planted.SNAPTRADE_CONSUMER_KEY, webhookSecret });
  const signInLink = new URL(await askForLink(servers, "canary@example.com"));
  await round(app.url, planted.CRON_SECRET);
  await failures(person, app.url, planted.CRON_SECRET);
  const userSecret = await secretOf(statePath, person.snapTradeUserId);
  await pool.query("update users set external_id = $1", [customer]);
  const company = await askAsCompany(new Company(servers, apiKey), app.url);

  const canaries: Canary[] = [
    ...Object.entries(planted).map(([name, value]) => ({ name, value: value.replace(/^canary:/, "") })),
    { name: "user secret", value: userSecret },
    { name: "webhookSecret", value: webhookSecret },
    // The answer to the click is supposed to carry it, so the recorder leaves that header out.
    { name: "login link", value: loginLink },
    { name: "session token", value: sessionTokenOf(person) },
    // An unused link belongs in its e-mail and nowhere else.
    {
      name: "sign-in link",
      value: signInLink.searchParams.get("token") ?? signInLink.search,
      belongsIn: ["mail"],
    },
    { name: "API key", value: apiKey },
    // The answers that make these are supposed to carry them, so the recorder leaves those out.
    ...company,
  ];

  const mails = await control.get<object[]>("/mail");
  const places = async (): Promise<Place[]> => [
    ...(await dump(pool)),
    { kind: "log", name: "the app's output", text: app.output() },
    ...answers.places,
    ...(await readBundles(path.join(root, ".next/static"))),
    ...mails.map((mail, index) => ({ kind: "mail", name: `mail ${index + 1}`, text: JSON.stringify(mail) })),
  ];
  const searched = await places();
  const leaks = findLeaks(canaries, searched);
  for (const kind of [...new Set(searched.map((place) => place.kind))]) {
    const own = searched.filter((place) => place.kind === kind);
    const bytes = own.reduce((sum, { text }) => sum + text.length, 0);
    console.log(`${kind}: ${own.length} places, ${bytes} bytes`);
  }
  console.log(`${canaries.length} secrets searched, ${leaks.length} found`);
  for (const leak of leaks) console.log(`  ${leak}`);

  await pool.query("create table leaked (text text)");
  await pool.query("insert into leaked values ($1)", [`https://x.example/?userSecret=${userSecret}`]);
  const found = findLeaks(canaries, await places()).filter((leak) => !leaks.includes(leak));
  const inLog = findLeaks(canaries, [{ kind: "log", name: "planted", text: btoa(`!${loginLink}!`) }]);
  console.log(`Planted in the database and, in base64, in a log: ${found.length} and ${inLog.length} found`);

  answers.stop();
  await pool.end();
  await Promise.all([app.stop(), emulator.stop()]);
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
  const canFail = found.length === 1 && inLog.length === 1;
  // A short value could be found by chance, and searching for an empty one proves nothing.
  return leaks.length === 0 && canFail && canaries.every(({ value }) => value.length >= 16);
}

/** What a person and SnapTrade do. @returns the token of the login link that a click led to */
async function journey(
  person: Person,
  { consumerKey, webhookSecret }: { consumerKey: string; webhookSecret: string },
): Promise<string> {
  const { visitor, snapTradeUserId } = person;
  const [connection] = await seedConnections(person, [{ brokerage: "QUESTRADE", disabled: true }]);
  const id = connection?.id ?? "";
  const event = { ...eventOf("CONNECTION_BROKEN", snapTradeUserId, id, Date.now()), webhookSecret };
  const own = { body: writeBody(event, "compact"), signature: signEvent(consumerKey, event) };
  for (const signature of [own.signature, "wrong"])
    await fetch(`${visitor.appUrl}/api/webhooks/snaptrade`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Signature: signature },
      body: own.body,
    });
  for (const page of ["/connections", `/connections/${id}`, "/connections/new", "/account", "/notifications"])
    await visitor.open(page);
  const portal = await visitor.submit("/connections/new", (form) => form.includes('value="ALPACA"'));
  return new URL(portal).searchParams.get("token") ?? "";
}

/** The company's own id of the person. */
const customer = "canary-customer";

/**
 * What the company's servers do: they make secrets, repeat those requests, use them wrongly, and read everything.
 * @returns the secrets
 */
async function askAsCompany(company: Company, appUrl: string): Promise<Canary[]> {
  const made = async (path: string, body: object) =>
    company.call<{ url: string; secret?: string }>("POST", path, body);
  const token = ({ url }: { url: string }) => url.split(/[/=]/).at(-1) ?? "";
  const fix = await made("fix-sessions", { user: customer });
  const signingIn = await made("fix-sessions", { user: customer, sign_in: true });
  const handOff = await made("sign-in-links", { user: customer });
  const endpoint = await made("endpoints", { url: `${appUrl}/api/health/live` });
  for (const { url } of [fix, signingIn, handOff]) await fetch(url, { redirect: "manual" });
  for (const path of ["connections", "endpoints", "events", `users/${customer}`, "fix-sessions/none"])
    await company.ask("GET", path);
  for (const path of [`users/${customer}/check`, "fix-sessions", "endpoints"])
    await company.ask("POST", path, { user: customer, url: "not an address" });
  await new Company({ appUrl, emulatorUrl: "" }, `${company.apiKey.slice(0, -1)}!`).ask("GET", "connections");
  return [
    { name: "fix session's token", value: token(fix) },
    { name: "token that signs in for a fix session", value: token(signingIn) },
    { name: "hand-off token", value: token(handOff) },
    { name: "signing secret", value: endpoint.secret ?? "" },
  ];
}

/** Makes everything fail once: SnapTrade, in several ways, and what people ask for. */
async function failures(
  { visitor, control, snapTradeUserId, returnPath }: Person,
  appUrl: string,
  cron: string,
) {
  const path = `/users/${snapTradeUserId}/faults`;
  const faults = [
    { kind: "status", status: 500 },
    { kind: "html502" },
    { kind: "malformed" },
    { kind: "reset" },
    { kind: "status", status: 401, code: "1083" },
    { kind: "status", status: 400, code: "1012" },
    { kind: "rate_limited", retryAfterSeconds: 0 },
  ];
  for (const fault of faults) {
    await control.post(path, { endpoint: "*", ...fault });
    await visitor.submit("/connections/new", (form) => form.includes('value="ALPACA"')).catch(() => null);
    await visitor.open(`${returnPath}?status=ERROR&error_code=1066`).catch(() => null);
    await visitor.open("/connections");
    await round(appUrl, cron);
    await control.remove(path);
  }
  for (const page of [
    "/no/such/page",
    "/connections/not-an-id",
    "/fix/not-a-token",
    "/unsubscribe/not-a-token",
  ])
    await visitor.open(page);
  for (const place of ["/api/cron/reconcile", "/api/health", "/api/auth/session", "/api/auth/error"])
    await visitor.open(place);
}

async function round(appUrl: string, secret: string): Promise<void> {
  await fetch(`${appUrl}/api/cron/reconcile`, {
    method: "POST",
    headers: { Authorization: `Bearer ${secret}` },
  }).then((answer) => answer.text());
}

function sessionTokenOf({ visitor }: Person): string {
  return /session-token=([^;]+)/.exec(visitor.cookieHeader())?.[1] ?? "";
}

/** SnapTrade's own copy; the app never shows it. */
async function secretOf(statePath: string, snapTradeUserId: string): Promise<string> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const state = await readFile(statePath, "utf8").catch(() => "");
    const at = state.indexOf(snapTradeUserId);
    const found = at < 0 ? null : /"userSecret":\s*"([^"]+)"/.exec(state.slice(at));
    if (found?.[1]) return found[1];
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("The emulator's state doesn't hold the person");
}

/** The app, and everything it prints. */
async function startTalkativeApp(settings: Record<string, string>) {
  const child = spawn(process.execPath, ["e2e/commands/start.mjs"], {
    cwd: root,
    env: { ...process.env, ...settings },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const killToo = () => child.kill("SIGKILL");
  process.once("exit", killToo);
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const url = settings.APP_URL ?? "";
  while (!(await fetch(`${url}/api/health`).catch(() => null))?.ok) {
    if (child.exitCode !== null) throw new Error(`The app did not start: ${output}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return {
    url,
    output: () => output,
    stop: () =>
      new Promise<void>((resolve) => {
        child.once("exit", () => resolve());
        process.off("exit", killToo);
        child.kill("SIGTERM");
      }),
  };
}

/**
 * Keeps every answer of the app: pages, payloads, errors, and headers, except the cookie and the login link.
 */
function recordAnswers(appUrl: string) {
  const places: Place[] = [];
  const fetchIt = globalThis.fetch;
  globalThis.fetch = async (input, options) => {
    const answer = await fetchIt(input, options);
    const url = input instanceof Request ? input.url : String(input);
    if (!url.startsWith(appUrl)) return answer;
    const body = await answer.clone().text();
    // The page that leads to the portal is the one answer to a click that carries its link.
    const leadsOn =
      (answer.headers.get("location") ?? body).includes("/snapTrade/redeemToken") ||
      // So are the answer that makes a link or a signing secret for the company, and the link's own page.
      (answer.status === 201 && new URL(url).pathname.startsWith("/api/v1/")) ||
      /^\/(fix|sign-in\/hand-off)\b/.test(new URL(url).pathname);
    const headers = [...answer.headers].filter(
      ([name]) => name !== "set-cookie" && !(leadsOn && name === "location"),
    );
    const text = `${JSON.stringify(headers)}\n${leadsOn ? "" : body}`;
    places.push({
      kind: answer.status >= 400 ? "error page" : "page",
      name: `${answer.status} ${new URL(url).pathname}`,
      text,
    });
    return answer;
  };
  return { places, stop: () => void (globalThis.fetch = fetchIt) };
}
