import { mkdir, rm } from "node:fs/promises";
import path from "node:path";
import { isTaken, root, run, stop, whenParentEnds } from "../support/ground.mjs";
import { askForLink } from "../support/people";
import { settingsFor, startApp, startEmulator, type Running } from "../support/processes";
import { seedDemo } from "./seed";

const ports = {
  app: Number(process.env.PORT || 3000),
  emulator: Number(process.env.EMULATOR_PORT || 4010),
  smtp: Number(process.env.EMULATOR_SMTP_PORT || 4011),
};
const data = path.join(root, ".data");

/**
 * Starts the emulator and the app, creates the demonstration user, prints where to go, and runs until
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
  };
  if (!run("npm", ["run", "--silent", "db:migrate"], settings)) process.exit(1);

  const running: Running[] = [];
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
    const link = await askForLink(servers, await seedDemo(servers));
    console.log(
      [
        "",
        `The app              ${app.url}`,
        `Sign in (works once) ${link}`,
        `SnapTrade, emulated  ${emulator.url}/control`,
        `Mailbox              ${emulator.url}/mailbox`,
        "",
        "In the portal, sign in as “good” with any password. Press Ctrl-C to stop everything.",
      ].join("\n"),
    );
    for (const { child } of running) child.once("exit", () => void stopAll().then(() => process.exit(1)));
  } catch (error) {
    await stopAll();
    stop(`The demonstration couldn't start: ${error instanceof Error ? error.message : "unknown reason"}`);
  }
}

async function requireFreePorts() {
  const names = { app: "PORT", emulator: "EMULATOR_PORT", smtp: "EMULATOR_SMTP_PORT" } as const;
  for (const name of ["app", "emulator", "smtp"] as const) {
    if (!Number.isInteger(ports[name]) || ports[name] < 1 || ports[name] > 65_535)
      stop(`${names[name]} must be a number between 1 and 65535.`);
    if (await isTaken(ports[name]))
      stop(`Port ${ports[name]} is in use; free it, or set ${names[name]} to another port.`);
  }
}
