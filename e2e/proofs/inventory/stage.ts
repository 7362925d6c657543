import { createHash, randomBytes, randomUUID } from "node:crypto";
import { Pool } from "pg";
import { makeApiKey } from "../../support/company";
import { askForLink, makePerson, seedConnections, type Servers } from "../../support/people";
import { freePort, run } from "../../support/ground.mjs";
import { startPostgres } from "../../support/postgres";
import { settingsFor, startApp, startEmulator } from "../../support/processes";
import { Control } from "../../support/control";
import { Visitor } from "../../support/visitor";
import type { Target } from "./expectations";

/** An app with one person, the target, and everyone who tries to read or change what is theirs. */
export interface Stage {
  appUrl: string;
  target: Target;
  /** Texts that only the target may read. */
  secrets: string[];
  /**
   * The cookies of the target's browser, of another person, of a browser that a fix session of the target's
   * signed in, which isn't the one that is tried, and of the target's former sessions.
   */
  cookies: Record<"owner" | "stranger" | "visitor" | "expired" | "revoked", string>;
  /** Keys of the API: one that may do everything, one that may do nothing, and one that was revoked. */
  apiKeys: { full: string; "no scope": string; "revoked key": string };
  newStranger: () => Promise<string>;
  newVisitor: () => Promise<string>;
  /** Changes when anything of the target's changes in the database. */
  fingerprint: () => Promise<string>;
  stop: () => Promise<void>;
}

const accountName = "Nest egg of the target";

export async function setStage(): Promise<Stage> {
  const postgres = await startPostgres();
  const ports = { app: await freePort(), emulator: await freePort(), smtp: await freePort() };
  const settings = {
    DATABASE_URL: postgres.url,
    LOG_LEVEL: "silent",
    RECONCILE_IN_PROCESS: "false",
    TRUSTED_PROXIES: "127.0.0.0/8,::1",
  };
  if (!run("npm", ["run", "--silent", "db:migrate"], { ...settingsFor(ports), ...settings }))
    throw new Error("No migration");
  const emulator = await startEmulator(ports);
  const app = await startApp(ports, settings);
  const servers = { appUrl: app.url, emulatorUrl: emulator.url };
  await new Control(emulator.url).post("/settings", { webhooks: "off" });
  const pool = new Pool({ connectionString: postgres.url, max: 1 });

  const owner = await makePerson(servers, `${randomUUID()}@example.com`);
  const accounts = [{ name: accountName, number: "55124417" }];
  const disabledDate = new Date(Date.now() - 3_600_000).toISOString();
  const [made] = await seedConnections(owner, [
    { brokerage: "VANGUARD", disabled: true, disabledDate, accounts },
  ]);
  const connectionId = made?.id ?? "";
  const revoked = await signIn(servers, owner.email);
  await owner.visitor.submit("/account/sessions", (form) => form.includes("Sign out everywhere else"));
  const expired = await signIn(servers, owner.email);
  await pool.query("update sessions set last_used_at = now() - interval '15 days' where session_token = $1", [
    hashOf(tokenOf(expired)),
  ]);
  const { rows } = await pool.query<{ id: string; userId: string }>(
    `select id, user_id as "userId" from sessions where session_token = $1`,
    [hashOf(tokenOf(owner.visitor.cookieHeader()))],
  );
  const { id: sessionId = "", userId = "" } = rows[0] ?? {};
  const newStranger = async () => {
    const stranger = await makePerson(servers, `${randomUUID()}@example.com`);
    return stranger.visitor.cookieHeader();
  };
  const newVisitor = async () => enter(app.url, await makeFixSession(pool, userId, connectionId, true));
  return {
    appUrl: app.url,
    target: {
      connectionId,
      sessionId,
      portalSessionId: owner.returnPath.split("/")[2] ?? "",
      ...(await makeFixSession(pool, userId, connectionId)),
    },
    secrets: [owner.email, owner.snapTradeUserId, accountName],
    cookies: {
      owner: owner.visitor.cookieHeader(),
      stranger: await newStranger(),
      visitor: await newVisitor(),
      expired,
      revoked,
    },
    apiKeys: await makeApiKeys({ ...settingsFor(ports), ...settings }, pool),
    newStranger,
    newVisitor,
    fingerprint: () => fingerprintOf(pool, userId),
    async stop() {
      await pool.end();
      await Promise.all([app.stop(), emulator.stop()]);
      await postgres.stop();
    },
  };
}

const hashOf = (token: string) => createHash("sha256").update(token).digest("hex");
const tokenOf = (cookies: string) => /session-token=([^;]+)/.exec(cookies)?.[1] ?? "";

async function makeApiKeys(settings: Record<string, string>, pool: Pool) {
  const [full, scopeless, revoked] = [makeApiKey(settings), makeApiKey(settings), makeApiKey(settings)];
  await pool.query("update api_keys set scopes = '{}' where secret_hash = $1", [hashOf(scopeless)]);
  await pool.query("update api_keys set revoked_at = now() where secret_hash = $1", [hashOf(revoked)]);
  return { full, "no scope": scopeless, "revoked key": revoked };
}

async function signIn(servers: Servers, email: string): Promise<string> {
  const visitor = new Visitor(servers.appUrl);
  await visitor.submit(await askForLink(servers, email), (form) => form.includes(`Sign in as ${email}`));
  return visitor.cookieHeader();
}

/** Signs in by a fix session's link, for that session only. */
async function enter(appUrl: string, { fixToken }: { fixToken: string }): Promise<string> {
  const visitor = new Visitor(appUrl);
  await visitor.submit(`/fix/${fixToken}`, (form) => form.includes("Continue"));
  return visitor.cookieHeader();
}

/** Stores a fix session as if it had been made; only the proof knows its token. */
async function makeFixSession(pool: Pool, userId: string, connectionId: string, signsIn = false) {
  const fixToken = randomBytes(24).toString("base64url");
  const { rows } = await pool.query<{ id: string }>(
    `insert into fix_sessions (token_hash, user_id, origin, connection_id, signs_in, created_at, expires_at)
     values ($1, $2, 'api', $3, $4, now(), now() + interval '1 day') returning id`,
    [hashOf(fixToken), userId, connectionId, signsIn],
  );
  const [made] = rows;
  if (!made) throw new Error("The target's fix session was not stored");
  return { fixToken, fixSessionId: made.id };
}

async function fingerprintOf(pool: Pool, userId: string): Promise<string> {
  const { rows: tables } = await pool.query<{ name: string }>(
    `select table_name as name from information_schema.columns
     where table_schema = 'public' and column_name = 'user_id' and table_name <> 'sessions' order by 1`,
  );
  const parts = tables.map(
    ({ name }) => `select '${name}' as kind, t::text as row from ${name} t where user_id = $1`,
  );
  const { rows } = await pool.query<{ hash: string }>(
    `select md5(string_agg(kind || row, '|' order by kind, row)) as hash from (
       ${parts.join(" union all ")}
       union all select 'session', id::text from sessions where user_id = $1 and fix_session_id is null
       union all select 'user', (to_jsonb(u) - 'version')::text from users u where id = $1) all_rows`,
    [userId],
  );
  return rows[0]?.hash ?? "";
}
