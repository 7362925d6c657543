import { mkdir, rm } from "node:fs/promises";
import path from "node:path";
import { isTaken, root, run, stop, whenParentEnds } from "../support/ground.mjs";
import { Company } from "../support/company";
import { askForLink } from "../support/people";
import { settingsFor, startApp, startEmulator, type Running } from "../support/processes";
import { startLarch } from "./larch/server";
import { addEndpoint, readCredentials } from "./larch/set-up";
import { seedDemo } from "./seed";

const ports = {
  app: Number(process.env.PORT || 3000),
  emulator: Number(process.env.EMULATOR_PORT || 4010),
  smtp: Number(process.env.EMULATOR_SMTP_PORT || 4011),
  larch: Number(process.env.LARCH_PORT || 4012),
};
const larchUrl = `http://localhost:${ports.larch}`;
const data = path.join(root, ".data");
const larchFile = path.join(data, "larch.json");

/**
 * Starts the emulator, the app, and Larch, creates the demonstration user, prints where to go, and runs until
 * stopped.
 */
export async function runDemo({ fresh }: { fresh: boolean }): Promise<void> {
  await requireFreePorts();
  if (fresh) await rm(data, { recursive: true, force: true });
  await mkdir(data, { recursive: true });
  const settings = {
    ...settingsFor(ports),
    DATABASE_URL: `pglite:${path.join(data, "pglite")}`,
    LOG_LEVEL: "warn",
    RETURN_URLS: larchUrl,
    EVENTS_ALLOW_PRIVATE: "true",
  };
  if (!run("npm", ["run", "--silent", "db:migrate"], settings)) process.exit(1);
  const credentials = await readCredentials(larchFile, settings);

  const running: Pick<Running, "stop">[] = [];
  let stopping: Promise<unknown> | undefined;
  const stopAll = () => (stopping ??= Promise.all(running.map((started) => started.stop())));
  const leave = () => void stopAll().then(() => process.exit(0));
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, leave);
  whenParentEnds(leave);

  try {
    const emulator = await startEmulator(ports, { EMULATOR_STATE: path.join(data, "emulator.json") });
    running.push(emulator);
    const app = await startApp(ports, settings);
    running.push(app);
    const servers = { appUrl: app.url, emulatorUrl: emulator.url };
    const company = new Company(servers, credentials.apiKey);
    const person = await seedDemo(company);
    const signingSecret = await addEndpoint(larchFile, credentials, company, `${larchUrl}/events`);
    running.push(
      await startLarch({
        port: ports.larch,
        reconnectUrl: app.url,
        apiKey: credentials.apiKey,
        signingSecret,
        personOf: () => ({ externalId: person.externalId, name: "Maya Tremblay" }),
      }),
    );
    const link = await askForLink(servers, person.email);
    console.log(
      [
        "",
        `The app              ${app.url}`,
        `Sign in (works once) ${link}`,
        `SnapTrade, emulated  ${emulator.url}/control`,
        `Mailbox              ${emulator.url}/mailbox`,
        `Larch's own product  ${larchUrl}`,
        `The API              ${app.url}/api/v1/docs`,
        `Larch's key for it   ${credentials.apiKey}`,
        "",
        "In the portal, sign in as “good” with any password; the code is 123456. Press Ctrl-C to stop everything.",
      ].join("\n"),
    );
    for (const { child } of [emulator, app])
      child.once("exit", () => void stopAll().then(() => process.exit(1)));
  } catch (error) {
    await stopAll();
    stop(`The demonstration couldn't start: ${error instanceof Error ? error.message : "unknown reason"}`);
  }
}

async function requireFreePorts() {
  const names = {
    app: "PORT",
    emulator: "EMULATOR_PORT",
    smtp: "EMULATOR_SMTP_PORT",
    larch: "LARCH_PORT",
  } as const;
  for (const name of ["app", "emulator", "smtp", "larch"] as const) {
    if (!Number.isInteger(ports[name]) || ports[name] < 1 || ports[name] > 65_535)
      stop(`${names[name]} must be a number between 1 and 65535.`);
    if (await isTaken(ports[name]))
      stop(`Port ${ports[name]} is in use; free it, or set ${names[name]} to another port.`);
  }
}
