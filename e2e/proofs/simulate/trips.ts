import type { Trip } from "./history";
import type { People, Person } from "./people";
import { ShownSuccess } from "./shown";
import type { AppProcess, Simulation } from "./simulation";
import type { Troubles } from "./troubles";

type PortalView = Awaited<ReturnType<AppProcess["app"]["checkPortal"]>>;

/** A window of the Connection Portal that somebody has open. */
interface Tab {
  openedAt: number;
  closed: boolean;
}

/** What is known from outside of one portal session. */
interface Visit {
  /** When it was first asked for, and the same on the clock of the machine that was asked. */
  askedAt: number;
  askedThereAt: number;
  tabs: Tab[];
  /**
   * It was asked for twice, by clicks so close together that they count as one; leaving one of its windows
   * leaves it.
   */
  isDoubleClick: boolean;
}

/** The app takes two clicks within three seconds for one. */
const doubleClickMs = 3_100;

/** What people do with the Connection Portal, and what they are shown of it. */
export class Trips {
  /** By the id of their portal session. */
  readonly sessions = new Map<string, Visit>();

  constructor(
    private readonly simulation: Simulation,
    private readonly people: People,
    private readonly troubles: Troubles,
  ) {
    this.success = new ShownSuccess(simulation, troubles);
  }

  private readonly success;

  async reconnect(person: Person, connectionId: string, trip: Trip): Promise<void> {
    const open = () =>
      this.open(person, (process, now) =>
        process.app.openReconnect({
          userId: person.userId,
          connectionId,
          intent: trip.renews ? "renew" : "reconnect",
          darkMode: false,
          now,
        }),
      );
    await this.go(person, open, trip);
  }

  async connect(person: Person, brokerage: string, trip: Trip): Promise<void> {
    const open = () =>
      this.open(person, (process, now) =>
        process.app.openConnect({ userId: person.userId, brokerage, beside: true, darkMode: false, now }),
      );
    await this.go(person, open, trip);
  }

  private async open(
    person: Person,
    ask: (process: AppProcess, now: Date) => Promise<{ loginLink: string; view: PortalView }>,
  ) {
    const { scheduler } = this.simulation;
    const askedAt = scheduler.now;
    let askedThereAt = askedAt;
    const opened = await this.people.page("opening the portal", (process) => {
      askedThereAt = scheduler.now + process.clockAheadMs;
      return ask(process, new Date(askedThereAt));
    });
    if (!opened) return null;
    const id = opened.view.portalSessionId;
    const known = this.sessions.get(id);
    const trip = known ?? { askedAt, askedThereAt, tabs: [], isDoubleClick: false };
    if (known) known.isDoubleClick ||= Math.abs(askedThereAt - known.askedThereAt) < doubleClickMs;
    trip.askedAt = Math.min(trip.askedAt, askedAt);
    this.sessions.set(id, trip);
    const tab: Tab = { openedAt: scheduler.now, closed: false };
    trip.tabs.push(tab);
    return { ...opened, id, tab };
  }

  /** From the click to the end of the person's patience. */
  private async go(person: Person, open: () => ReturnType<Trips["open"]>, trip: Trip): Promise<void> {
    const { scheduler } = this.simulation;
    const click = open();
    if (trip.again === "double-click") {
      await scheduler.sleep(trip.againMs);
      const second = await open();
      if (second) second.tab.closed = true;
    }
    const opened = await click;
    if (!opened) return;
    if (trip.again === "second-tab") void this.secondTab(person, open, trip);
    const until = scheduler.now + trip.thinkMs;
    while (scheduler.now < until) {
      await scheduler.sleep(Math.min(10_000, until - scheduler.now));
      if (scheduler.now < until) await this.ask(person, opened.id, null, opened.tab);
    }
    const ending = trip.abandons ? null : this.signIn(opened.loginLink, trip);
    opened.tab.closed = ending !== "hang";
    if (ending === "hang" || !trip.tells) return;
    const reportedResult =
      ending === null
        ? ({ status: "ABANDONED" } as const)
        : ending.kind === "success"
          ? ({ status: "SUCCESS" } as const)
          : ({ status: "ERROR", code: ending.code } as const);
    await this.follow(person, opened.id, reportedResult, trip.patienceMs);
  }

  /** Opens the same once more, and closes that window again. */
  private async secondTab(person: Person, open: () => ReturnType<Trips["open"]>, trip: Trip): Promise<void> {
    await this.simulation.scheduler.sleep(trip.againMs);
    const second = await open();
    if (!second) return;
    await this.simulation.scheduler.sleep(3_000);
    second.tab.closed = true;
    await this.ask(person, second.id, { status: "ABANDONED" }, second.tab);
  }

  private signIn(loginLink: string, trip: Trip) {
    const { world, emulator, scheduler } = this.simulation;
    // The address to which the portal returns can be typed by anybody.
    if (trip.login === "says-so") return { kind: "success" } as const;
    const session = [...world.sessions.values()].find(({ sessionId }) => loginLink.includes(sessionId));
    const user = world.user(session?.userId ?? "");
    if (!session || !user || session.expiresAt < world.now()) return { kind: "error", code: "1006" } as const;
    const wanted = user.connections.find(({ id }) => id === session.wanted.reconnect);
    const brokerage = world.brokerage(wanted?.slug ?? session.wanted.broker ?? "", user);
    if (!brokerage) return { kind: "error", code: "1012" } as const;
    const attempt = emulator.attemptSignIn(world, session, brokerage, trip.login, "123456");
    this.simulation.say(
      `a sign-in as ${trip.login} ends as ${typeof attempt === "string" ? attempt : attempt.kind}`,
    );
    if (attempt === "hang" || attempt === "needs-code") return "hang";
    if (attempt.kind === "success" && trip.breaksAgainMs > 0 && !this.people.quiet) {
      const { connectionId } = attempt;
      scheduler.after(trip.breaksAgainMs, () => this.people.breakOne(user.userId, connectionId));
    }
    return attempt;
  }

  /**
   * What the dialog does after a signal: asks quickly at first, then slowly, until it is told or given up.
   */
  private async follow(
    person: Person,
    id: string,
    reportedResult: NonNullable<Parameters<AppProcess["app"]["checkPortal"]>[0]["reportedResult"]>,
    patienceMs: number,
  ) {
    const { scheduler } = this.simulation;
    const startedAt = scheduler.now;
    let state = await this.ask(person, id, reportedResult, null);
    while (
      scheduler.now - startedAt < patienceMs &&
      state !== "fixed" &&
      state !== "connected" &&
      state !== "failed"
    ) {
      await scheduler.sleep(scheduler.now - startedAt < 60_000 ? 3_000 : 10_000);
      state = await this.ask(person, id, null, null);
    }
  }

  private async ask(
    person: Person,
    id: string,
    reportedResult: Parameters<AppProcess["app"]["checkPortal"]>[0]["reportedResult"],
    tab: Tab | null,
  ): Promise<string | null> {
    const view = await this.people.page("asking about a trip", ({ app, clockAheadMs }) =>
      app.checkPortal({
        userId: person.userId,
        portalSessionId: id,
        reportedResult,
        over: reportedResult !== null && reportedResult.status !== "ERROR",
        now: new Date(this.simulation.scheduler.now + clockAheadMs),
      }),
    );
    if (!view) return null;
    this.judge(id, view, tab);
    return view.outcome.state;
  }

  /** Holds what is shown of a trip against what happened. */
  private judge(id: string, view: PortalView, tab: Tab | null) {
    const { outcome, connectionId, intent } = view;
    const { simulation } = this;
    const trip = this.sessions.get(id);
    simulation.scheduler.note(`trip ${outcome.state}`);
    if (!trip) return;
    this.success.judge(view, trip.askedAt);
    if (outcome.state === "fixed" || outcome.state === "connected") {
      const shown = outcome.state === "connected" ? outcome.connectionId : (connectionId ?? "");
      // A read that lags behind a break looks like a repair.
      if (!this.troubles.had("network lags", 60_000) && !simulation.ledger.signedInSince(shown, trip.askedAt))
        simulation.fail(
          outcome.state === "fixed"
            ? "a portal session is shown as fixed only if its connection was repaired after it opened"
            : "a portal session is shown as connected only with a connection that was made or signed in after it opened",
          `session ${id.slice(0, 8)} (${intent}), opened at ${((trip.askedAt - simulation.scheduler.startedAt) / 1000).toFixed(1)} s, connection ${shown.slice(0, 8)}`,
        );
    }
    if (trip.isDoubleClick) return;
    const open = trip.tabs.some((one) => !one.closed && simulation.scheduler.now - one.openedAt < 290_000);
    if (outcome.state === "failed" && outcome.failure === "not-finished" && open && tab?.closed !== false)
      simulation.fail(
        "no portal session is concluded while somebody still has it open",
        `session ${id.slice(0, 8)} is "${outcome.failure}"`,
      );
    if (outcome.state === "failed" && outcome.failure === "not-finished" && tab && !tab.closed)
      simulation.fail(
        "no portal session is concluded while somebody still has it open",
        `session ${id.slice(0, 8)} is "${outcome.failure}" in its own window`,
      );
  }
}
