import { BlockList } from "node:net";
import { Database } from "./database/database";
import { Ledger } from "./checks/ledger";
import { Disk } from "./world/disk";
import { MailServer } from "./world/mail";
import { Mailed } from "./checks/mailed";
import type { AppProcess, EmulatorExports, Programs } from "./programs";
import type { PreparedStatements } from "./database/prepared";
import { Network, type SnapTradeAnswer, type SnapTradeRequest } from "./world/network";
import { Receiver } from "./world/receiver";
import { seededRandom, type Random } from "./history/random";
import { Scheduler, type Owner } from "./scheduler";
import { SimulatedSocket } from "./database/session";

/** A workday in Europe, well outside the quiet hours of people in UTC. */
const startsAt = Date.parse("2026-03-10T09:00:00Z");
const settings = {
  APP_URL: "https://app.sim",
  SNAPTRADE_CLIENT_ID: "SIM",
  SNAPTRADE_CONSUMER_KEY: "simulated-consumer-key",
  SNAPTRADE_API_URL: "http://snaptrade.sim",
  SNAPTRADE_PORTAL_ORIGINS: "http://portal.sim",
  NEXTAUTH_SECRET: "for-the-simulation-only",
  CRON_SECRET: "for-the-simulation-only",
  ENCRYPTION_KEYS: `sim:${Buffer.alloc(32, 7).toString("base64")}`,
  SMTP_URL: "smtp://mail.sim:25",
  EMAIL_FROM: "Reconnect <connections@app.sim>",
  DATABASE_URL: "postgres://sim@database.sim/sim",
  RECONCILE_IN_PROCESS: "false",
  LOG_LEVEL: process.env.SIMULATE_LOG ?? "silent",
};

/** A broken invariant. */
export interface Violation {
  invariant: string;
  /** What happened, for the report. */
  detail: string;
  at: number;
}

/** Everything in one run: the app's processes, SnapTrade, and what connects them. */
export class Simulation {
  readonly scheduler: Scheduler;
  readonly database: Database;
  readonly network: Network;
  readonly mail: MailServer;
  readonly ledger: Ledger;
  readonly mailed: Mailed;
  readonly receiver: Receiver;
  private readonly disk = new Disk();
  readonly emulator: EmulatorExports;
  readonly world: InstanceType<EmulatorExports["World"]>;
  readonly processes: (AppProcess | null)[] = [];
  violation: Violation | null = null;
  /** What people and machines did, for a failure's report. */
  readonly log: string[] = [];
  private readonly clocks: number[] = [];
  private readonly api: { fetch: (request: Request, bindings: object) => Response | Promise<Response> };
  private generation = 0;
  /** Whether a brokerage was in maintenance, which delays notices of its breaks. */
  maintained = false;
  /** Whether SnapTrade's webhooks arrive at all. */
  webhooksReach = true;

  constructor(
    private readonly programs: Programs,
    prepared: PreparedStatements,
    readonly seed: string,
  ) {
    this.scheduler = new Scheduler(startsAt, seed);
    this.database = new Database(prepared, this.scheduler, this.random("database"));
    this.ledger = new Ledger(this);
    this.mailed = new Mailed(this);
    this.mail = new MailServer(this.scheduler, this.random("mail"), (sent) => this.mailed.accepted(sent));
    this.receiver = new Receiver(this.scheduler, this.random("receiver"));
    this.emulator = programs.emulator.start({
      scheduler: this.scheduler,
      owner: { name: "SnapTrade", alive: true },
      random: this.random("emulator"),
      env: {},
      clockAheadMs: () => 0,
      fetch: (_, init) => this.deliver(init),
      modules: {},
    });
    const { World, createApi } = this.emulator;
    this.world = new World({
      clientId: settings.SNAPTRADE_CLIENT_ID,
      consumerKey: settings.SNAPTRADE_CONSUMER_KEY,
      name: "Sim",
      redirectUri: null,
    });
    this.world.origins = { portal: "http://portal.sim", brokerage: "http://brokerage.sim" };
    this.world.deliveries.url = "https://app.sim/api/webhooks/snaptrade";
    this.api = createApi(this.world);
    const date = () => new Date(this.world.now()).toUTCString();
    this.network = new Network(
      this.scheduler,
      this.random("network"),
      (request) => this.serve(request),
      date,
      (exchange) => this.ledger.answered(exchange),
    );
  }

  random(stream: string): Random {
    return seededRandom(`${this.seed} ${stream}`);
  }

  say(words: string) {
    this.scheduler.note(words);
    this.log.push(`${(this.scheduler.elapsed / 1000).toFixed(1).padStart(7)} s  ${words}`);
  }

  fail(invariant: string, detail: string) {
    this.violation ??= { invariant, detail, at: this.scheduler.elapsed };
  }

  /** How far apart the processes' clocks can be. */
  get clockSpreadMs() {
    return Math.max(...this.clocks) - Math.min(...this.clocks);
  }

  startProcess(index: number, clockAheadMs: number) {
    this.clocks.push(clockAheadMs);
    this.processes[index] = this.start(`p${index + 1}`, clockAheadMs);
  }

  /** Starts a process in which an operator's command runs; pages and webhooks never reach it. */
  startCommand(): AppProcess {
    return this.start("command", 0);
  }

  private start(name: string, clockAheadMs: number): AppProcess {
    const owner: Owner = { name, alive: true };
    const random = this.random(`${owner.name} ${++this.generation}`);
    const { database } = this;
    class Socket extends SimulatedSocket {
      constructor() {
        super(database, owner);
      }
    }
    const net = { Socket, BlockList, isIP: () => 0, connect: () => new Socket() };
    const app = this.programs.app.start({
      scheduler: this.scheduler,
      owner,
      random,
      env: { ...settings },
      clockAheadMs: () => clockAheadMs,
      fetch: () => Promise.reject(new Error("The app never calls fetch")),
      modules: {
        net,
        "fs/promises": this.disk.promises,
        https: this.receiver.httpsFor(owner),
        axios: this.network.axiosFor(owner),
        nodemailer: this.mail.nodemailerFor(owner),
      },
    });
    return { owner, clockAheadMs, app };
  }

  killProcess(index: number) {
    const process = this.processes[index];
    if (!process) return;
    this.processes[index] = null;
    this.end(process);
  }

  /** Ends a process at once, like a machine that loses its power. */
  end({ owner }: AppProcess) {
    owner.alive = false;
    this.database.dropOwner(owner);
  }

  /** Any living process, or null if there is none. */
  someProcess(random: Random): AppProcess | null {
    const living = this.processes.filter((process) => process !== null);
    return living.length > 0 ? random.pick(living) : null;
  }

  /** Runs `work` in the background; an error from it is a violation. */
  background(what: string, work: () => Promise<unknown>) {
    void work().catch((error: unknown) =>
      this.fail("no error goes unhandled", `${what}: ${describe(error)}`),
    );
  }

  private async serve({ method, target, headers, body }: SnapTradeRequest): Promise<SnapTradeAnswer> {
    this.ledger.arrived(method, target);
    const init = { method, headers, ...(method === "GET" || method === "DELETE" ? {} : { body }) };
    const answer = await this.api.fetch(new Request(`http://snaptrade.sim${target}`, init), {
      incoming: { url: target },
    });
    return { status: answer.status, headers: Object.fromEntries(answer.headers), body: await answer.text() };
  }

  private readonly toProcess = this.random("deliveries");

  /** Delivers a webhook to one of the processes, which handles it like the route does. */
  private deliver(init: RequestInit | undefined): Promise<Response> {
    const body = typeof init?.body === "string" ? init.body : "";
    const signature = new Headers(init?.headers).get("Signature");
    return new Promise((resolve, reject) => {
      if (!this.webhooksReach) return this.scheduler.after(50, () => reject(new TypeError("fetch failed")));
      init?.signal?.addEventListener("abort", () =>
        reject(new DOMException("The operation was aborted due to timeout", "TimeoutError")),
      );
      this.scheduler.after(this.toProcess.between(5, 80), () => {
        void this.post(Buffer.from(body), signature).then((status) => {
          if (status === null) reject(new TypeError("fetch failed"));
          else
            this.scheduler.after(this.toProcess.between(5, 50), () =>
              resolve(new Response(null, { status })),
            );
        });
      });
    });
  }

  /** @returns the response status; null if no process was running */
  async post(body: Buffer, signature: string | null): Promise<number | null> {
    const process = this.someProcess(this.toProcess);
    if (!process) return null;
    const { app, owner, clockAheadMs } = process;
    const receipt = await app.receiveEvent(body, signature, new Date(this.scheduler.now + clockAheadMs));
    if (receipt === "stored") {
      this.ledger.acknowledged(body.toString());
      const work = app.workAfterAnswer();
      if (work) this.background(`${owner.name} working after an answer`, work);
    }
    return { stored: 204, "not-signed": 401, "not-readable": 400, away: 503 }[receipt];
  }
}

export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? ` ← ${describe(error.cause)}` : "";
  return `${error.name}: ${error.message.slice(0, 200)} ${(error.stack ?? "").split("\n").slice(1, 4).join(" ")}${cause}`;
}
