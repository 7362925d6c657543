import type { Visit } from "../history/actions";
import type { People } from "./people";
import type { Person } from "./person";
import { ShownSuccess } from "../checks/shown-success";
import type { AppProcess } from "../programs";
import type { Simulation } from "../simulation";
import type { Troubles } from "./troubles";

type PortalView = Awaited<ReturnType<AppProcess["app"]["checkPortal"]>>;

/** An open window of the Connection Portal. */
interface Tab {
  openedAt: number;
  closed: boolean;
}

/** What can be known from outside about one portal session. */
interface OpenedSession {
  /** When it was first requested, on the simulation's clock and on that of the process that was asked. */
  askedAt: number;
  askedThereAt: number;
  tabs: Tab[];
  /** Requested by two clicks so close together that they count as one; closing one of its windows ends it. */
  isDoubleClick: boolean;
}

/** The app treats two clicks within three seconds as one. */
const doubleClickMs = 3_100;

/** What people do with the Connection Portal, and what they are shown about it. */
export class Visits {
  /** By portal session id. */
  readonly sessions = new Map<string, OpenedSession>();

  constructor(
    private readonly simulation: Simulation,
    private readonly people: People,
    private readonly troubles: Troubles,
  ) {
    this.success = new ShownSuccess(simulation, troubles);
  }

  private readonly success;

  async reconnect(person: Person, connectionId: string, visit: Visit): Promise<void> {
    const open = () =>
      this.open(person, (process, now) =>
        process.app.openReconnect({
          userId: person.userId,
          connectionId,
          intent: visit.renews ? "renew" : "reconnect",
          darkMode: false,
          now,
        }),
      );
    await this.go(person, open, visit);
  }

  async connect(person: Person, brokerage: string, visit: Visit): Promise<void> {
    const open = () =>
      this.open(person, (process, now) =>
        process.app.openConnect({ userId: person.userId, brokerage, beside: true, darkMode: false, now }),
      );
    await this.go(person, open, visit);
  }

  /** The next step of a fix session, from its own page. */
  async takeStep(person: Person, fixSessionId: string, visit: Visit): Promise<void> {
    const open = () =>
      this.open(person, ({ app }, now) =>
        app.openStep({ userId: person.userId, step: { fixSessionId }, darkMode: false, now }),
      );
    await this.go(person, open, visit);
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
    const session: OpenedSession = known ?? { askedAt, askedThereAt, tabs: [], isDoubleClick: false };
    if (known) known.isDoubleClick ||= Math.abs(askedThereAt - known.askedThereAt) < doubleClickMs;
    session.askedAt = Math.min(session.askedAt, askedAt);
    this.sessions.set(id, session);
    const tab: Tab = { openedAt: scheduler.now, closed: false };
    session.tabs.push(tab);
    return { ...opened, id, tab };
  }

  /** Plays a visit from the click until the person stops waiting. */
  private async go(person: Person, open: () => ReturnType<Visits["open"]>, visit: Visit): Promise<void> {
    const { scheduler } = this.simulation;
    const click = open();
    if (visit.again === "double-click") {
      await scheduler.sleep(visit.againMs);
      const second = await open();
      if (second) second.tab.closed = true;
    }
    const opened = await click;
    if (!opened) return;
    if (visit.again === "second-tab") void this.secondTab(person, open, visit);
    const until = scheduler.now + visit.thinkMs;
    while (scheduler.now < until) {
      await scheduler.sleep(Math.min(10_000, until - scheduler.now));
      if (scheduler.now < until) await this.ask(person, opened.id, null, opened.tab);
    }
    const ending = visit.abandons ? null : this.signIn(opened.loginLink, visit);
    opened.tab.closed = ending !== "hang";
    if (ending === "hang" || !visit.reports) return;
    const reportedResult =
      ending === null
        ? ({ status: "ABANDONED" } as const)
        : ending.kind === "success"
          ? ({ status: "SUCCESS" } as const)
          : ({ status: "ERROR", code: ending.code } as const);
    await this.follow(person, opened.id, reportedResult, visit.patienceMs);
  }

  /** Opens the same portal again, and closes that window. */
  private async secondTab(
    person: Person,
    open: () => ReturnType<Visits["open"]>,
    visit: Visit,
  ): Promise<void> {
    await this.simulation.scheduler.sleep(visit.againMs);
    const second = await open();
    if (!second) return;
    await this.simulation.scheduler.sleep(3_000);
    second.tab.closed = true;
    await this.ask(person, second.id, { status: "ABANDONED" }, second.tab);
  }

  private signIn(loginLink: string, visit: Visit) {
    const { world, emulator, scheduler } = this.simulation;
    // Anybody can type the portal's return address.
    if (visit.login === "says-so") return { kind: "success" } as const;
    const session = [...world.sessions.values()].find(({ sessionId }) => loginLink.includes(sessionId));
    const user = world.user(session?.userId ?? "");
    if (!session || !user || session.expiresAt < world.now()) return { kind: "error", code: "1006" } as const;
    const wanted = user.connections.find(({ id }) => id === session.wanted.reconnect);
    const brokerage = world.brokerage(wanted?.slug ?? session.wanted.broker ?? "", user);
    if (!brokerage) return { kind: "error", code: "1012" } as const;
    const attempt = emulator.attemptSignIn(world, session, brokerage, visit.login, "123456");
    this.simulation.say(
      `a sign-in as ${visit.login} ends as ${typeof attempt === "string" ? attempt : attempt.kind}`,
    );
    if (attempt === "hang" || attempt === "needs-code") return "hang";
    if (attempt.kind === "success" && visit.breaksAgainMs > 0 && !this.people.quiet) {
      const { connectionId } = attempt;
      scheduler.after(visit.breaksAgainMs, () => this.people.breakOne(user.userId, connectionId));
    }
    return attempt;
  }

  /**
   * Acts like the dialog after a message: asks often at first, then less often, until there is a result or
   * the person gives up.
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
    const view = await this.people.page("asking about a portal session", ({ app, clockAheadMs }) =>
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

  /** Compares what a portal session shows with what happened. */
  private judge(id: string, view: PortalView, tab: Tab | null) {
    const { outcome, connectionId, intent } = view;
    const { simulation } = this;
    const session = this.sessions.get(id);
    simulation.scheduler.note(`portal session ${outcome.state}`);
    if (!session) return;
    this.success.judge(view, session.askedAt);
    if (outcome.state === "fixed" || outcome.state === "connected") {
      const shown = outcome.state === "connected" ? outcome.connectionId : (connectionId ?? "");
      // A repair elsewhere that we had not heard of when the session opened counts: the connection works.
      const wasRepaired = intent === "reconnect" && simulation.ledger.workedAt(shown, session.askedAt);
      // A read that lags behind a break looks like a repair.
      if (
        !wasRepaired &&
        !this.troubles.had("network lags", 60_000) &&
        !simulation.ledger.signedInSince(shown, session.askedAt)
      )
        simulation.fail(
          outcome.state === "fixed"
            ? "a portal session is shown as fixed only if its connection worked when it opened or was repaired afterwards"
            : "a portal session is shown as connected only with a connection that was made or signed in after it opened",
          `session ${id.slice(0, 8)} (${intent}), opened at ${((session.askedAt - simulation.scheduler.startedAt) / 1000).toFixed(1)} s, connection ${shown.slice(0, 8)}`,
        );
    }
    if (session.isDoubleClick) return;
    const open = session.tabs.some((one) => !one.closed && simulation.scheduler.now - one.openedAt < 290_000);
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
