import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import { exampleSettings, root } from "./ground.mjs";

export interface Running {
  url: string;
  /** Stops the process and waits until it is gone. */
  stop: () => Promise<void>;
  child: ChildProcess;
}

interface Ports {
  app: number;
  emulator: number;
  smtp: number;
}

/** The settings for an app that talks to an emulator on these ports. */
export function settingsFor({ app, emulator, smtp }: Ports): Record<string, string> {
  return {
    ...exampleSettings(),
    APP_URL: `http://localhost:${app}`,
    PORT: String(app),
    SNAPTRADE_API_URL: `http://localhost:${emulator}`,
    SNAPTRADE_PORTAL_ORIGINS: `http://127.0.0.1:${emulator}`,
    SMTP_URL: `smtp://localhost:${smtp}`,
  };
}

/** Starts the emulator and waits until it is ready. */
export async function startEmulator(
  { app, emulator, smtp }: Ports,
  env: Record<string, string> = {},
): Promise<Running> {
  const child = start(["--import", "tsx", "e2e/emulator/main.ts"], "pipe", {
    EMULATOR_PORT: String(emulator),
    EMULATOR_SMTP_PORT: String(smtp),
    EMULATOR_WEBHOOK_URL: `http://localhost:${app}/api/webhooks/snaptrade`,
    ...env,
  });
  await saying(child, "Emulator ready");
  return { url: `http://localhost:${emulator}`, stop: () => end(child), child };
}

/** Starts the built app and waits until it is healthy. */
export async function startApp(ports: Ports, env: Record<string, string>): Promise<Running> {
  const child = start(["e2e/commands/start.mjs"], "pipe", { ...settingsFor(ports), ...env });
  if (child.stdout) createInterface(child.stdout).on("line", (line) => isGreeting(line) || console.log(line));
  const url = `http://localhost:${ports.app}`;
  await Promise.race([healthy(url), ended(child)]);
  return { url, stop: () => end(child), child };
}

/**
 * Next reports that it is ready before the app has read its settings and opened its database, so its output
 * can't tell whether the app is about to exit.
 */
const isGreeting = (line: string) =>
  /^\s*(▲ Next\.js|- (Local|Network|Environments):|✓ )/.test(line) || line.trim() === "";

function start(args: string[], output: "pipe" | "inherit", env: Record<string, string>): ChildProcess {
  const child = spawn(process.execPath, args, {
    cwd: path.resolve(root),
    env: { ...process.env, ...env },
    stdio: ["ignore", output, "inherit"],
  });
  // A run that fails halfway leaves nothing running.
  const killToo = () => child.kill("SIGKILL");
  process.once("exit", killToo);
  child.once("exit", () => process.off("exit", killToo));
  return child;
}

async function saying(child: ChildProcess, words: string): Promise<void> {
  const heard = new Promise<void>((resolve) => {
    if (child.stdout) createInterface(child.stdout).on("line", (line) => line.startsWith(words) && resolve());
  });
  await Promise.race([heard, ended(child)]);
}

async function healthy(url: string): Promise<void> {
  for (;;) {
    const answer = await fetch(`${url}/api/health`).catch(() => null);
    if (answer?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function ended(child: ChildProcess): Promise<never> {
  if (child.exitCode === null) await once(child, "exit");
  throw new Error(`${child.spawnargs.slice(1).join(" ")} exited before it was ready`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  const late = setTimeout(() => child.kill("SIGKILL"), 5_000);
  await gone;
  clearTimeout(late);
}
