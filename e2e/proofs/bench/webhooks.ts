import { readFile } from "node:fs/promises";
import { seedConnections } from "../../support/people";
import { createSender, eventOf, signed } from "../../support/sender";
import { startDeployment } from "./deployment";
import { figure, quantile, type Figure } from "./figures";

const parallels = [16, 64, 400];
const rounds = 10;
/** Until the server has compiled its hot paths, a run would measure the compiler. */
const warmUpRounds = 3;
const perRound = 1_500;
const connectionCount = 200;
const cpuGoal = 1.25;

interface Lap {
  ms: number[];
  seconds: number;
  cpuSeconds: number;
}

/**
 * Compares webhooks with empty requests, interleaved on one server: rate, p50, and p99 as ratios, plus CPU
 * time for each. An empty request uses a method the route lacks, so it pays for the framework and no work.
 */
export async function benchWebhooks(): Promise<Figure[]> {
  const { appUrl, pid, person, pool, stop } = await startDeployment();
  const connections = await seedConnections(
    person,
    Array.from({ length: connectionCount }, () => ({ brokerage: "QUESTRADE" })),
  );

  const acknowledged = new Set<string>();
  let made = 0;
  /** Mimics a normal day: holdings updates, with one break or repair per hundred. */
  function nextEvent() {
    const turn = made++;
    const { id = "" } = connections[Math.floor(turn / 100 + turn) % connections.length] ?? {};
    const type =
      turn % 200 === 0
        ? "CONNECTION_BROKEN"
        : turn % 200 === 100
          ? "CONNECTION_FIXED"
          : "ACCOUNT_HOLDINGS_UPDATED";
    return eventOf(type, person.snapTradeUserId, id, Date.now());
  }

  const figures: Figure[] = [];
  const cpu = { webhook: 0, empty: 0 };
  for (const parallel of parallels) {
    const sender = createSender(appUrl, parallel);
    const empty = () => sender.send("PUT", "/api/webhooks/snaptrade", signed(nextEvent()).body);
    const laps = { webhook: [] as Lap[], empty: [] as Lap[] };
    for (let round = -warmUpRounds; round < rounds; round++) {
      const webhook = await lap(pid, parallel, () => {
        const event = nextEvent();
        const sent = signed(event);
        return async () => {
          if ((await sender.post(sent)) === 204) acknowledged.add(event.webhookId);
          else throw new Error("A webhook was not acknowledged");
        };
      });
      const nothing = await lap(pid, parallel, () => async () => {
        if ((await empty()) !== 405) throw new Error("The empty request did some work");
      });
      if (round >= 0) {
        laps.webhook.push(webhook);
        laps.empty.push(nothing);
      }
    }
    sender.close();
    const [webhook, nothing] = [total(laps.webhook), total(laps.empty)];
    cpu.webhook += webhook.cpuSeconds;
    cpu.empty += nothing.cpuSeconds;
    const name = (what: string) => `webhooks_${what}_at_${parallel}`;
    figures.push(
      figure(name("rate"), webhook.rate, "1/s"),
      figure(name("rate_ratio"), webhook.rate / nothing.rate, "x"),
      figure(name("p50_ratio"), webhook.p50 / nothing.p50, "x"),
      figure(name("p99_ratio"), webhook.p99 / nothing.p99, "x"),
      figure(name("cpu"), webhook.cpuMs, "ms"),
      figure(name("empty_cpu"), nothing.cpuMs, "ms"),
      figure(name("cpu_ratio"), webhook.cpuSeconds / nothing.cpuSeconds, "x"),
    );
  }
  figures.push(figure("webhooks_cpu_ratio", cpu.webhook / cpu.empty, "x", cpuGoal));

  const { rows } = await pool.query<{ id: string }>(
    "select id from webhook_events union all select id from inbox_events",
  );
  const stored = new Set(rows.map(({ id }) => id));
  figures.push(figure("webhooks_acknowledged", acknowledged.size, "events"));
  figures.push(
    figure("webhooks_missing", [...acknowledged].filter((id) => !stored.has(id)).length, "events", 0),
  );

  await stop();
  return figures;
}

async function lap(pid: number, parallel: number, prepare: () => () => Promise<void>): Promise<Lap> {
  const requests = Array.from({ length: perRound }, prepare);
  const ms: number[] = [];
  const [cpuBefore, startedAt] = [await cpuSeconds(pid), performance.now()];
  await Promise.all(
    Array.from({ length: parallel }, async () => {
      for (let request = requests.pop(); request; request = requests.pop()) {
        const sentAt = performance.now();
        await request();
        ms.push(performance.now() - sentAt);
      }
    }),
  );
  const seconds = (performance.now() - startedAt) / 1000;
  await idle(pid);
  return { ms, seconds, cpuSeconds: (await cpuSeconds(pid)) - cpuBefore };
}

function total(laps: Lap[]) {
  const ms = laps.flatMap((one) => one.ms);
  const seconds = laps.reduce((sum, one) => sum + one.seconds, 0);
  const cpu = laps.reduce((sum, one) => sum + one.cpuSeconds, 0);
  return {
    rate: ms.length / seconds,
    p50: quantile(ms, 0.5),
    p99: quantile(ms, 0.99),
    cpuSeconds: cpu,
    cpuMs: (cpu / ms.length) * 1000,
  };
}

/** The CPU time that a process has used so far, in seconds. */
async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  const [user = "0", system = "0"] = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .slice(11, 13);
  return (Number(user) + Number(system)) / 100;
}

/** Resolves once the server is idle: the work after its answers counts toward them. */
async function idle(pid: number): Promise<void> {
  for (let before = -1, now = await cpuSeconds(pid); now > before; now = await cpuSeconds(pid)) {
    before = now;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
