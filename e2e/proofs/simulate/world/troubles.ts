import { noDatabaseTrouble, type DatabaseTrouble } from "../database/database";
import type { Action, DatabaseKind, HookKind, MailKind, NetworkKind, ReceiverKind } from "../history/actions";
import { noMailTrouble, type MailTrouble } from "./mail";
import { noNetworkTrouble, type NetworkTrouble } from "./network";
import type { Simulation } from "../simulation";

type Window = Extract<Action, { action: "network" | "database" | "webhooks" | "mail" | "receiver" }>;

const networkTroubles: Record<NetworkKind, (share: number) => Partial<NetworkTrouble>> = {
  lost: (share) => ({ requestLost: share / 2, answerLost: share / 2 }),
  "5xx": (share) => ({ status5xx: share }),
  html: (share) => ({ html: share }),
  hang: (share) => ({ hang: share }),
  drip: (share) => ({ drip: share }),
  slow: (share) => ({ slow: share, slowMs: 14_000 }),
  "refuses-user": (share) => ({ refusesUser: share }),
  limit: () => ({}),
  "removals-lost": () => ({}),
  lags: () => ({}),
};

/** How far behind SnapTrade's reads are while it lags. */
const lagSeconds = 30;

const databaseTroubles: Record<DatabaseKind, (share: number) => Partial<DatabaseTrouble>> = {
  drop: () => ({}),
  silent: () => ({}),
  breaks: (share) => ({ breaks: share }),
  silences: (share) => ({ silences: share / 2 }),
  "away-refused": () => ({ away: "refused" }),
  "away-silent": () => ({ away: "silent" }),
  slow: (share) => ({ slowMs: 40_000 * share }),
};

const passingRefusalMs = 45_000;

/** Slow answers and lost removals don't keep SnapTrade from being asked; any other network trouble might. */
function namesOf({ action, kind }: Window): string[] {
  const unreachable = action === "network" && kind !== "slow" && kind !== "removals-lost";
  return [action, `${action} ${kind}`, ...(unreachable ? ["unreachable"] : [])];
}

/** What goes wrong around the app, for how long, and when it last did. */
export class Troubles {
  private active: Window[] = [];
  private timerStoppedUntil = Number.NEGATIVE_INFINITY;
  private readonly endedAt = new Map<string, number>();

  constructor(
    private readonly simulation: Simulation,
    private readonly rateLimit: number,
  ) {
    this.apply();
    const applyDue = () => {
      if (this.has("network", "removals-lost"))
        for (const user of simulation.world.users.values())
          for (const one of user.connections) one.deleteAt = null;
      simulation.world.applyDue();
      simulation.scheduler.after(1_000, applyDue);
    };
    applyDue();
  }

  begin(window: Window) {
    const { scheduler, database } = this.simulation;
    if (window.action === "database" && window.kind === "drop") database.dropAll();
    if (window.action === "database" && window.kind === "silent") database.silenceAll();
    if (window.action === "database" && window.kind.startsWith("away")) database.dropAll();
    // A lasting refusal is believed, and the person may be registered again.
    const refuses = window.kind === "refuses-user";
    if (refuses && this.had("network refuses-user", 180_000)) return;
    this.active.push(window);
    this.apply();
    scheduler.after(refuses ? Math.min(window.ms, passingRefusalMs) : window.ms, () => {
      if (!this.active.includes(window)) return;
      this.active = this.active.filter((other) => other !== window);
      this.end(window);
    });
  }

  endAll() {
    this.timerStoppedUntil = Math.min(this.timerStoppedUntil, this.simulation.scheduler.now);
    const ended = this.active;
    this.active = [];
    for (const window of ended) this.end(window);
    this.apply();
  }

  /** Stops all rounds for this long. */
  stopTimer(ms: number) {
    this.timerStoppedUntil = Math.max(this.timerStoppedUntil, this.simulation.scheduler.now + ms);
  }

  get timerIsStopped() {
    return this.simulation.scheduler.now < this.timerStoppedUntil;
  }

  /** Whether the timer is stopped, or was within the last `withinMs`. */
  hadNoTimer(withinMs: number): boolean {
    return this.simulation.scheduler.now - withinMs < this.timerStoppedUntil;
  }

  /** Records trouble without a duration, such as a killed process. */
  happened(what: string) {
    this.endedAt.set(what, this.simulation.scheduler.now);
  }

  /** Whether this trouble is active, or was within the last `withinMs`. */
  had(what: string, withinMs: number): boolean {
    return (
      this.active.some((window) => namesOf(window).includes(what)) ||
      this.simulation.scheduler.now - (this.endedAt.get(what) ?? -Infinity) < withinMs
    );
  }

  has(action: Window["action"], kind: string): boolean {
    return this.active.some((window) => window.action === action && window.kind === kind);
  }

  private end(window: Window) {
    for (const name of namesOf(window)) this.endedAt.set(name, this.simulation.scheduler.now);
    this.apply();
    if (window.action === "webhooks" && window.kind === "held")
      void this.simulation.world.deliveries.release("random");
  }

  private apply() {
    const { network, database, mail, receiver, world } = this.simulation;
    const sum = <T extends object>(none: T, parts: Partial<T>[]): T => Object.assign({}, none, ...parts) as T;
    network.trouble = sum(
      noNetworkTrouble,
      this.active.flatMap((one) => (one.action === "network" ? networkTroubles[one.kind](one.share) : [])),
    );
    database.trouble = sum(
      noDatabaseTrouble,
      this.active.flatMap((one) => (one.action === "database" ? databaseTroubles[one.kind](one.share) : [])),
    );
    const mails: Record<MailKind, Partial<MailTrouble>> = {
      refused: { refused: 0.7 },
      hang: { hang: 0.5 },
      "answer-lost": { answerLost: 0.5 },
    };
    mail.trouble = sum(
      noMailTrouble,
      this.active.flatMap((one) => (one.action === "mail" ? mails[one.kind] : [])),
    );
    const receivers = (kind: ReceiverKind) =>
      this.active.flatMap((one) => (one.action === "receiver" && one.kind === kind ? [one.share] : []))[0] ??
      0;
    receiver.trouble = { fails: receivers("fails"), hangs: receivers("hangs"), late: receivers("late") };
    const hook = (kind: HookKind) => this.has("webhooks", kind);
    Object.assign(world.settings, {
      readLagSeconds: this.has("network", "lags") ? lagSeconds : 0,
      rateLimit: this.has("network", "limit") ? 20 : this.rateLimit,
      webhooks: hook("held") ? "hold" : "send",
      webhookLossPercent: hook("lost") ? 100 : 0,
      webhookDelayMs: hook("late") ? 25_000 : 0,
      webhookCopies: hook("doubled") ? 3 : 1,
      webhookRetrySpeed: 20,
    });
    this.simulation.webhooksReach = !hook("retried-late");
  }
}
