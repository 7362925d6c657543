import { afterAll, beforeAll } from "vitest";
import { testSettings } from "@/lib/testing";
import { startEmulator } from "../../e2e/emulator/server";

type Emulator = Awaited<ReturnType<typeof startEmulator>>;

/** Settings under which the code under test talks to an emulator of its own; returns what steers that emulator. */
export function withEmulator() {
  let emulator: Emulator;
  beforeAll(async () => {
    emulator = await startEmulator({ port: 0, smtpPort: 0 });
    Object.assign(process.env, testSettings, {
      SNAPTRADE_CLIENT_ID: emulator.clientId,
      SNAPTRADE_CONSUMER_KEY: emulator.consumerKey,
      SNAPTRADE_API_URL: emulator.url,
      SNAPTRADE_PORTAL_ORIGINS: emulator.url,
      SMTP_URL: emulator.smtpUrl,
    });
  });
  afterAll(() => emulator.close());

  return {
    async post<T>(path: string, body: object = {}): Promise<T> {
      const answer = await fetch(`${emulator.url}/control/api${path}`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
      });
      if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`);
      return (await answer.json()) as T;
    },
    async get<T>(path: string): Promise<T> {
      const answer = await fetch(`${emulator.url}/control/api${path}`);
      if (!answer.ok) throw new Error(`${path} answered ${answer.status}`);
      return (await answer.json()) as T;
    },
    async clearFaults(path: string) {
      await fetch(`${emulator.url}/control/api${path}`, { method: "DELETE" });
    },
  };
}
