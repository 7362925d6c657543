import { once } from "node:events";
import { exampleSettings, freePort } from "../../support/ground.mjs";
import { startApp } from "../../support/processes";

const secret = (exampleSettings() as Record<string, string>).CRON_SECRET ?? "";

export type Ports = Awaited<ReturnType<typeof freePorts>>;

export async function freePorts() {
  return { app: await freePort(), emulator: await freePort(), smtp: await freePort() };
}

/** An app that can be killed and restarted on the same data. */
export async function startKillableApp(ports: Ports, settings: Record<string, string>) {
  let running = await startApp(ports, settings);
  return {
    url: running.url,
    async kill(): Promise<void> {
      const gone = once(running.child, "exit");
      running.child.kill("SIGKILL");
      await gone;
    },
    /** Restarts it, optionally with other settings. */
    async start(more: Record<string, string> = {}): Promise<void> {
      running = await startApp(ports, { ...settings, ...more });
    },
    stop: () => running.stop(),
    /** Runs the timer's round; throws when it doesn't finish. */
    async reconcile(): Promise<void> {
      const answer = await fetch(`${running.url}/api/cron/reconcile`, {
        method: "POST",
        headers: { Authorization: `Bearer ${secret}` },
      });
      if (!answer.ok) throw new Error(`The round answered ${answer.status}`);
      await answer.text();
    },
  };
}
