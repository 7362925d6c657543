import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { Pool } from "pg";
import { SMTPServer } from "smtp-server";
import { Control } from "../../support/control";
import { run } from "../../support/ground.mjs";
import { makePerson, seedConnections } from "../../support/people";
import { startPostgres } from "../../support/postgres";
import { settingsFor, startEmulator } from "../../support/processes";
import { freePorts, startKillableApp } from "./app";

/**
 * How far an e-mail has come when the app is killed: claimed but not handed over, handed over but not
 * answered, or answered but perhaps not recorded.
 */
const moments = ["claimed", "handed over", "answered"] as const;
type Moment = (typeof moments)[number];

/**
 * Kills the app repeatedly while it mails notices of breaks, and counts what arrived.
 * @returns false when a notice was duplicated or lost
 */
export async function crashWhileMailing(people: number): Promise<boolean> {
  const postgres = await startPostgres();
  const ports = await freePorts();
  const settings = {
    DATABASE_URL: postgres.url,
    LOG_LEVEL: "silent",
    RECONCILE_IN_PROCESS: "false",
    TRUSTED_PROXIES: "127.0.0.0/8,::1",
  };
  if (!run("npm", ["run", "--silent", "db:migrate"], { ...settingsFor(ports), ...settings }))
    throw new Error("No migration");
  const emulator = await startEmulator(ports);
  const app = await startKillableApp(ports, settings);
  await new Control(emulator.url).post("/settings", { webhooks: "off", rateLimit: 100_000 });
  for (let made = 0; made < people; made++) {
    const person = await makePerson(
      { appUrl: app.url, emulatorUrl: emulator.url },
      `${randomUUID()}@example.com`,
    );
    // The breaks are a day old, because this many at once would be an incident, which mails nobody.
    await seedConnections(person, [
      {
        brokerage: "QUESTRADE",
        disabled: true,
        disabledDate: new Date(Date.now() - 86_400_000).toISOString(),
      },
    ]);
  }
  const mailServer = await startMailServer();
  await app.stop();
  await app.start({ SMTP_URL: mailServer.url });

  const pool = new Pool({ connectionString: postgres.url, max: 1 });
  await pool.query("update users set quiet_from = 0, quiet_to = 0");
  await pool.query("update observations set recorded_at = recorded_at - interval '20 minutes'");
  await pool.query("update episodes set noticed_at = noticed_at - interval '20 minutes'");
  await pool.query("update notices set run_at = run_at - interval '20 minutes'");
  const unfinished =
    "select 1 from notices where kind = 'broke' and mail in ('waiting', 'claimed', 'leaving')";
  const kills: Record<Moment, number> = { claimed: 0, "handed over": 0, answered: 0 };
  for (let turn = 0; turn < 2 * people && (await pool.query(unfinished)).rowCount; turn++) {
    const moment = moments[turn % moments.length] ?? "claimed";
    const killed = mailServer.onceAt(moment, turn % 4, () => app.kill());
    await app.reconcile().catch(() => undefined);
    if (await killed()) {
      kills[moment]++;
      await app.start({ SMTP_URL: mailServer.url });
    }
    // A killed process's claims expire after two minutes; this skips the wait.
    await pool.query(
      "update notices set locked_until = locked_until - interval '3 minutes' where mail in ('claimed', 'leaving')",
    );
    await pool.query("update rounds set locked_until = now()");
  }
  const { rows } = await pool.query<{ email: string; mail: string }>(
    "select email, mail from notices join users on users.id = user_id where kind = 'broke'",
  );
  await pool.end();
  await Promise.all([app.stop(), emulator.stop()]);
  await mailServer.stop();
  await postgres.stop();

  const arrived = (email: string) => mailServer.recipients.filter((one) => one === email).length;
  const doubled = rows.filter(({ email }) => arrived(email) > 1).length;
  const unknown = rows.filter(({ mail }) => mail === "unknown").length;
  const lost =
    people - unknown - rows.filter(({ email, mail }) => mail === "sent" && arrived(email) === 1).length;
  const happened = moments.map((moment) => `${kills[moment]} times when ${moment}`).join(", ");
  console.log(
    `Mail, app killed ${happened}: ${people} notices, ${mailServer.recipients.length} arrived, ${doubled} duplicated, ${lost} lost, ${unknown} kept as unknown`,
  );
  return doubled + lost === 0 && moments.every((moment) => kills[moment] > 0);
}

/** Accepts e-mails, and acts once at a chosen moment of one of them. */
async function startMailServer() {
  const recipients: string[] = [];
  let planned: {
    moment: Moment;
    skip: number;
    act: () => Promise<void>;
    acted: Promise<void> | null;
  } | null = null;
  function reached(moment: Moment): Promise<void> | null {
    if (planned?.moment !== moment || planned.acted || planned.skip-- > 0) return null;
    return (planned.acted = planned.act());
  }
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["AUTH", "STARTTLS"],
    disableReverseLookup: true,
    logger: false,
    closeTimeout: 100,
    onMailFrom: (_address, _session, go) => {
      void (reached("claimed") ?? Promise.resolve()).then(() => go());
    },
    onData: (stream, session, answer) => {
      stream.resume().once("end", () => {
        recipients.push(...session.envelope.rcptTo.map(({ address }) => address));
        void (reached("handed over") ?? Promise.resolve()).then(() => {
          answer();
          setImmediate(() => void reached("answered"));
        });
      });
    },
  });
  server.on("error", () => undefined);
  const listening = server.listen(0, "localhost");
  await once(listening, "listening");
  const address = listening.address();
  return {
    url: `smtp://localhost:${typeof address === "object" ? address?.port : ""}`,
    /** Everyone who received an e-mail in full, once per e-mail. */
    recipients,
    /**
     * Schedules `act` for the moment of an e-mail after `skip` others. The returned function waits until it
     * is done, and says whether the moment came.
     */
    onceAt(moment: Moment, skip: number, act: () => Promise<void>): () => Promise<boolean> {
      const plan = { moment, skip, act, acted: null as Promise<void> | null };
      planned = plan;
      return async () => {
        await plan.acted;
        return plan.acted !== null;
      };
    },
    stop: () => new Promise<void>((resolve) => server.close(resolve)),
  };
}
