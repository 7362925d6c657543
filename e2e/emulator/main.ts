import { PortTakenError } from "./server/listen";
import { type Emulator, type EmulatorOptions, startEmulator } from "./server/server";
import { StateFileError } from "./world/state-file";

function readOptions(env: NodeJS.ProcessEnv): EmulatorOptions {
  return {
    port: readPort(env, "EMULATOR_PORT", 4010),
    smtpPort: readPort(env, "EMULATOR_SMTP_PORT", 4011),
    portalHost: env.EMULATOR_PORTAL_HOST || undefined,
    clientId: env.EMULATOR_CLIENT_ID || undefined,
    consumerKey: env.EMULATOR_CONSUMER_KEY || undefined,
    webhookUrl: env.EMULATOR_WEBHOOK_URL || undefined,
    statePath: env.EMULATOR_STATE || undefined,
  };
}

function readPort(env: NodeJS.ProcessEnv, name: string, usual: number): number {
  const text = env[name] || String(usual);
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535)
    refuse(`${name} must be a port number from 0 to 65535, not "${text}".`);
  return port;
}

function refuse(sentence: string): never {
  console.error(sentence);
  process.exit(1);
}

async function start(): Promise<Emulator> {
  try {
    return await startEmulator(readOptions(process.env));
  } catch (error) {
    if (error instanceof PortTakenError || error instanceof StateFileError) refuse(error.message);
    throw error;
  }
}

const emulator = await start();
const stop = () => void emulator.close().then(() => process.exit(0));
process.once("SIGINT", stop);
process.once("SIGTERM", stop);
console.log(`Emulator ready: ${emulator.url} (SMTP ${emulator.smtpUrl.replace("smtp://", "")})`);
