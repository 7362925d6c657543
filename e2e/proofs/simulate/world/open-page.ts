import type { AppProcess } from "../programs";
import type { Simulation } from "../simulation";
import type { Person, Reach } from "./person";
import type { Troubles } from "./troubles";

type Shown = Awaited<ReturnType<AppProcess["app"]["listConnectionViews"]>>;

const readAgainMs = 7_000;
/** A change reaches an open page within this time, either announced or found by the listener's next query. */
const announcedMs = 6_000;
/** Somebody watching something to reconnect gets a look this often, plus however long asking takes. */
const lookMs = 60_000;
const askingMs = 25_000;

/**
 * The list of connections in somebody's browser: it reloads when notified and triggers looks, like the real
 * page.
 */
export class OpenPage {
  private process: AppProcess | null = null;
  private unfollow: (() => void) | null = null;
  private statusDisplay: { at: number; shown: string } | null = null;
  /** Since when it has differed from what a reload would show. */
  private outdatedSince: number | null = null;
  /** Since when it has shown something to reconnect. */
  private watchedSince: number | null = null;

  constructor(
    private readonly simulation: Simulation,
    private readonly troubles: Troubles,
    private readonly people: Reach,
    private readonly person: Person,
  ) {}

  async stayOpen(ms: number): Promise<void> {
    const { scheduler } = this.simulation;
    const endsAt = scheduler.now + ms;
    while (scheduler.now < endsAt && !this.person.leaving) {
      if (!this.process?.owner.alive) await this.connect();
      else await this.read();
      await scheduler.sleep(readAgainMs);
    }
    this.unfollow?.();
  }

  /** Follows changes; the stream ends when its process does. */
  private async connect(): Promise<void> {
    this.unfollow?.();
    [this.process, this.unfollow, this.statusDisplay] = [null, null, null];
    await this.people.page("connections", async (process) => {
      this.unfollow = await process.app.follow(this.person.userId, () => {
        this.statusDisplay = null;
        this.outdatedSince = null;
        this.simulation.background("reloading a page", () => this.read());
      });
      if (this.unfollow) this.process = process;
    });
    await this.read();
  }

  private async read(): Promise<void> {
    const { simulation, process, statusDisplay } = this;
    const { scheduler } = simulation;
    if (!process) return;
    const at = statusDisplay?.at ?? scheduler.now + process.clockAheadMs;
    const view = await this.people.page("connections", ({ app }) =>
      app.listConnectionViews(this.person.userId, { now: new Date(at), dayStartedAt: new Date(0) }),
    );
    if (!view) return;
    if (view.lookDueAt)
      simulation.background(`${process.owner.name} looks after a page`, () =>
        process.app.lookIfDue(this.person.userId).catch(() => undefined),
      );
    this.checkLooks(view);
    if (this.statusDisplay !== statusDisplay) return;
    if (!statusDisplay) this.statusDisplay = { at, shown: contentOf(view) };
    else this.checkUpToDate(statusDisplay.shown, contentOf(view));
  }

  /** Both are rendered for the same moment, so only new knowledge makes a difference. */
  private checkUpToDate(before: string, now: string) {
    const { scheduler } = this.simulation;
    this.outdatedSince = before === now ? null : (this.outdatedSince ?? scheduler.now);
    if (this.outdatedSince === null || scheduler.now - this.outdatedSince < announcedMs) return;
    if (this.troubles.had("database", 60_000) || this.troubles.had("kill", 60_000)) return;
    this.simulation.fail(
      "each change is announced to open pages",
      `person ${this.person.index} still sees ${before}, but a reload would show ${now}`,
    );
  }

  private checkLooks({ connections, gone }: Shown) {
    const { simulation, troubles, person } = this;
    const { scheduler, ledger } = simulation;
    const waits = !gone && connections.some(({ disabledAt, removedAt }) => disabledAt && !removedAt);
    this.watchedSince = waits ? (this.watchedSince ?? scheduler.now) : null;
    const name = this.people.userOf(person)?.userId ?? "";
    if (this.watchedSince === null || ledger.callsOf(name) >= 15) return;
    if (
      ["network", "database", "kill"].some((what) => troubles.had(what, 130_000)) ||
      scheduler.now - ledger.throttledAt < 130_000
    )
      return;
    const since = Math.max(this.watchedSince, ledger.askedAt.get(name) ?? 0);
    if (scheduler.now - since > lookMs + readAgainMs + askingMs + simulation.clockSpreadMs)
      simulation.fail(
        "whoever sees something to reconnect gets a look every minute",
        `SnapTrade was not asked for person ${person.index} for ${Math.round((scheduler.now - since) / 1000)} s`,
      );
  }
}

/** What a page shows, leaving out how old it is. */
function contentOf({ gone, known, unreadable, connections }: Shown): string {
  const shown = connections.map(
    ({
      id,
      status,
      access,
      accounts,
      disabledAt,
      fixedAt,
      removalRequestedAt,
      removalHeard,
      removedAt,
      portalOpenedAt,
      secondConnectionId,
    }) => ({
      id: id.slice(0, 8),
      status,
      access,
      accounts: accounts.map((one) => one.id.slice(0, 8)),
      disabledAt,
      fixedAt,
      removalRequestedAt,
      removalHeard,
      removedAt: removedAt !== null,
      portalOpenedAt,
      second: secondConnectionId,
    }),
  );
  return JSON.stringify({ gone, known, unreadable, shown });
}
