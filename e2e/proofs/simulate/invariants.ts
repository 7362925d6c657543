import type { Trips } from "./trips";
import type { Simulation } from "./simulation";
import type { Troubles } from "./troubles";

interface ShownRow {
  id: string;
  user_id: string;
  state: "enabled" | "disabled" | "deleted";
  removal: boolean;
  stale: boolean;
}

/** An event is worked off within this time when nothing goes wrong. */
const workedOffMs = 8_000;
const youngMs = 4.9 * 60_000;
/** A signed deletion outranks reads for five minutes. */
const revivedMs = 6 * 60_000;
const leastPeopleOfIncident = 5;

/** What must hold at every moment, and what must have come true some time after the end of all trouble. */
export class Invariants {
  /** Since when each connection has been shown otherwise than SnapTrade had told. */
  private readonly wrongSince = new Map<string, number>();
  private readonly falseSince = new Map<string, number>();

  constructor(
    private readonly simulation: Simulation,
    private readonly trips: Trips,
    private readonly troubles: Troubles,
  ) {}

  /** Cheap ones, again and again; only of what is committed. */
  check() {
    if (!this.simulation.database.settled || this.simulation.violation) return;
    this.statesFollowStatements();
    this.sessionsStayOpenWhileUsed();
    this.limitIsKept();
    this.whatIsNewStays();
    this.incidentsCountPeople();
  }

  /**
   * Nothing is shown otherwise than SnapTrade's newest statement to us for longer than it takes to ask again.
   */
  private statesFollowStatements() {
    const { scheduler, ledger, database } = this.simulation;
    const slack =
      this.troubles.had("database", 150_000) ||
      this.troubles.had("kill", 150_000) ||
      this.troubles.had("unreachable", 60_000)
        ? 200_000
        : this.troubles.had("network lags", 60_000)
          ? 120_000
          : 45_000;
    // What contradicts itself is asked about again by the timer.
    const noTimer = this.troubles.hadNoTimer(60_000);
    const rows =
      database.committed<ShownRow>(`select c.id, c.user_id, c.state, c.removal_requested_at is not null as removal,
      s.look_failed_at is not null or s.gone_at is not null as stale from connections c join snaptrade_users s on s.user_id = c.user_id`);
    for (const { id, state, stale } of rows) {
      const stoppedSince = state === "enabled" && !stale && !noTimer ? ledger.surelyStoppedSince(id) : null;
      if (stoppedSince === null) this.falseSince.delete(id);
      else
        this.neverFalselyConnected(
          id,
          Math.max(stoppedSince, this.falseSince.get(id) ?? scheduler.now),
          slack,
        );
      const told = ledger.told.get(id);
      const wrong =
        told !== undefined &&
        !stale &&
        told.state !== state &&
        (state === "enabled" || told.state === "enabled");
      if (!wrong || noTimer) {
        this.wrongSince.delete(id);
        continue;
      }
      const since = Math.max(this.wrongSince.get(id) ?? scheduler.now, told.toldAt);
      this.wrongSince.set(id, since);
      if (scheduler.now - since > slack)
        this.simulation.fail(
          `no connection is shown as "${state}" after SnapTrade has said "${told.state}"`,
          `connection ${id.slice(0, 8)} is "${state}" for ${Math.round((scheduler.now - since) / 1000)} s after SnapTrade's newest word, "${told.state}"`,
        );
    }
  }

  /**
   * Never "connected" while SnapTrade has last said otherwise: an answer speaks for the moment at which it
   * was asked.
   */
  private neverFalselyConnected(id: string, since: number, slack: number) {
    this.falseSince.set(id, since);
    const ms = this.simulation.scheduler.now - since;
    if (ms > Math.max(workedOffMs, slack - 45_000))
      this.simulation.fail(
        "never connected while SnapTrade has last said otherwise",
        `connection ${id.slice(0, 8)} has been shown as connected for ${Math.round(ms / 1000)} s after a newer word that it is not`,
      );
  }

  /** No portal session is concluded as failed while one of its windows is open. */
  private sessionsStayOpenWhileUsed() {
    const { database, scheduler } = this.simulation;
    const failed = database.committed<{ id: string; reportedResult: string | null }>(
      `select s.id, s.reported_status as "reportedResult" from portal_sessions s left join connections c on c.id = s.connection_id
      where s.outcome = 'failed' and coalesce(c.state, '') <> 'deleted'`,
    );
    for (const { id } of failed) {
      const visit = this.trips.sessions.get(id);
      const tab = visit?.isDoubleClick
        ? undefined
        : visit?.tabs.find((one) => !one.closed && scheduler.now - one.openedAt < 290_000);
      if (tab)
        this.simulation.fail(
          "no portal session is concluded while somebody still has it open",
          `session ${id.slice(0, 8)} has failed; a window opened ${Math.round((scheduler.now - tab.openedAt) / 1000)} s ago is still in the portal`,
        );
    }
  }

  /**
   * A list that lags, even along with a read that denies it, makes nobody give up a connection that was just
   * made.
   */
  private whatIsNewStays() {
    const { database, world, scheduler } = this.simulation;
    const gone = database.committed<{ id: string }>(
      "select id from connections where state = 'deleted' and removal_requested_at is null",
    );
    for (const { id } of gone)
      for (const user of world.users.values()) {
        const young = user.connections.find(
          (one) => one.id === id && world.now(user) - one.createdAt < youngMs,
        );
        if (young)
          this.simulation.fail(
            "a connection younger than five minutes is never concluded gone",
            `connection ${id.slice(0, 8)} at ${young.slug} is there since ${Math.round((world.now(user) - young.createdAt) / 1000)} s, and we say that it is gone`,
          );
        else if (user.connections.some((one) => one.id === id)) this.livesAgain(id, scheduler.now);
      }
  }

  /** A connection that SnapTrade lists for minutes is alive, whatever was concluded before. */
  private livesAgain(id: string, now: number) {
    const told = this.simulation.ledger.told.get(id);
    if (
      !told ||
      told.state === "deleted" ||
      now - told.toldAt < revivedMs ||
      this.troubles.had("settling", 60_000)
    )
      return;
    if (
      ["database", "kill", "unreachable"].some((what) => this.troubles.had(what, revivedMs)) ||
      this.troubles.hadNoTimer(revivedMs)
    )
      return;
    this.simulation.fail(
      "a connection that is seen again lives again",
      `connection ${id.slice(0, 8)} is "${told.state}", and we say that it is gone`,
    );
  }

  /** However many connections of one person break, or however often, that is no incident. */
  private incidentsCountPeople() {
    const { database, world } = this.simulation;
    const open = database.committed<{ slug: string }>(
      "select b.slug from incidents i join brokerages b on b.id = i.brokerage_id where i.ended_at is null",
    );
    for (const { slug } of open) {
      const people = [...world.events.entries()].filter(([name, events]) => {
        const own = world.users.get(name)?.connections.filter((one) => one.slug === slug) ?? [];
        return events.some(
          (event) =>
            event.eventType === "CONNECTION_BROKEN" &&
            own.some(({ id }) => id === event.brokerageAuthorizationId),
        );
      });
      if (people.length < leastPeopleOfIncident)
        this.simulation.fail(
          "an incident counts people, not connections",
          `${slug} has one, by the breaks of ${people.length} people`,
        );
    }
  }

  /** SnapTrade never gets more requests in a minute than it allows. */
  private limitIsKept() {
    const { ledger, world } = this.simulation;
    // What is sent within a minute may arrive a little closer together.
    const jitter = 5;
    if (!this.troubles.had("network", 130_000) && ledger.callsOf() > world.settings.rateLimit + jitter)
      this.simulation.fail(
        "the rate limit is never exceeded",
        `${ledger.callsOf()} requests within a minute`,
      );
  }

  /** At the end. @param settled some minutes after all trouble, when everything must have come true */
  async checkEnd(settled: boolean): Promise<void> {
    await this.poolsWork();
    if (this.simulation.violation) return;
    this.nothingAcknowledgedIsLost();
    if (!settled) return;
    this.nothingIsUnfinished();
    this.everybodyIsKnown();
    this.nobodyIsLeftBehind();
    this.pagesTellTheTruth();
  }

  /** Every process can still use its database. */
  private async poolsWork(): Promise<void> {
    const { simulation } = this;
    for (const process of simulation.processes) {
      if (!process) continue;
      const answered = { yes: false };
      const nobody = "00000000-0000-4000-8000-000000000000";
      const moment = { now: new Date(simulation.scheduler.now), dayStartedAt: new Date(0) };
      void process.app.listConnectionViews(nobody, moment).then(
        () => (answered.yes = true),
        () => undefined,
      );
      await simulation.scheduler.sleep(20_000);
      if (!answered.yes)
        simulation.fail(
          "no process loses its database for good",
          `${process.owner.name} cannot read from it any more, minutes after all trouble ended`,
        );
    }
  }

  /** What was answered with 204 is stored, and was worked off or given up with a reason. */
  private nothingAcknowledgedIsLost() {
    const { database, ledger, scheduler } = this.simulation;
    const rows = new Map(
      database
        .query<{ id: string; state: string; lastError: string | null }>(
          'select id, state, last_error as "lastError" from webhook_events',
        )
        .map((row) => [row.id, row]),
    );
    for (const [id, at] of ledger.acknowledgedAt) {
      const row = rows.get(id);
      if (!row) {
        this.simulation.fail(
          "nothing that was acknowledged is lost",
          `event ${id} was answered with 204 and is not stored`,
        );
        return;
      }
      if (row.state === "waiting" && scheduler.now - at > 240_000) {
        this.simulation.fail(
          "every event is worked off within minutes after trouble ends",
          `event ${id} still waits, ${Math.round((scheduler.now - at) / 1000)} s after it was taken (${row.lastError ?? "no error noted"})`,
        );
        return;
      }
    }
  }

  /** Nothing that was begun is left unfinished. */
  private nothingIsUnfinished() {
    const { database, scheduler, world } = this.simulation;
    const ago = (ms: number) => `'${new Date(scheduler.now - ms).toISOString()}'::timestamptz`;
    const [round] = database.query<{ ok: boolean; ended: string }>(
      `select ended_at > ${ago(180_000)} as ok, ended_at as ended from rounds`,
    );
    if (!round?.ok)
      this.simulation.fail(
        "a round ends every few minutes",
        `the last one ended at ${round?.ended ?? "no time"}`,
      );
    const [session] = database.query<{ id: string }>(
      `select id from portal_sessions where outcome is null and coalesce(reported_status, '') <> 'SUCCESS' and started_at < ${ago(15 * 60_000)}`,
    );
    if (session)
      this.simulation.fail(
        "every portal session is concluded within 15 minutes",
        `session ${session.id.slice(0, 8)} is still open`,
      );
    const [notice] = database.query<{ id: string; mail: string }>(
      `select id, mail from notices where mail in ('claimed', 'leaving') and locked_until < ${ago(180_000)}`,
    );
    if (notice)
      this.simulation.fail(
        "no e-mail stays half sent",
        `notice ${notice.id.slice(0, 8)} is "${notice.mail}"`,
      );
    const leaving = database.query<{ id: string; name: string | null }>(
      `select u.id, s.snaptrade_user_id as name from users u left join snaptrade_users s on s.user_id = u.id where u.deletion_requested_at < ${ago(300_000)}`,
    );
    for (const { id, name } of leaving)
      this.simulation.fail(
        "whoever asked to be forgotten is forgotten within minutes",
        `user ${id.slice(0, 8)}; SnapTrade ${name && world.user(name) ? "still knows them" : "has forgotten them"}`,
      );
    const removals = database.query<{ id: string; state: string }>(
      `select id, state from connections where removal_requested_at < ${ago(300_000)} and state <> 'deleted'`,
    );
    for (const { id } of removals)
      this.simulation.fail(
        "a removal that was asked for comes to its end",
        `connection ${id.slice(0, 8)} is still being removed`,
      );
  }

  /** Nobody whom SnapTrade knows is treated as if it did not. */
  private everybodyIsKnown() {
    const { database, world } = this.simulation;
    const gone = database.query<{ user_id: string; name: string; why: string }>(
      "select user_id, snaptrade_user_id as name, gone_reason as why from snaptrade_users where gone_at is not null",
    );
    for (const { user_id: id, name, why } of gone)
      if (world.users.has(name))
        this.simulation.fail(
          "nobody whom SnapTrade knows is cut off for good",
          `user ${id.slice(0, 8)} counts as "${why}", and SnapTrade knows them`,
        );
  }

  /** Nothing stays at SnapTrade that nobody here remembers. */
  private nobodyIsLeftBehind() {
    const { database, world } = this.simulation;
    const rows = database.query<{ name: string }>(
      "select snaptrade_user_id as name from snaptrade_users union all select snaptrade_user_id from former_snaptrade_users where deleted_at is null",
    );
    const names = new Set(rows.map(({ name }) => name));
    for (const name of world.users.keys())
      if (!names.has(name))
        this.simulation.fail(
          "no SnapTrade user is left behind",
          `user ${name} is nobody's, and SnapTrade is not asked to delete them`,
        );
  }

  /** What everybody's page shows is what SnapTrade has. */
  private pagesTellTheTruth() {
    const { database, world } = this.simulation;
    const rows = database.query<{
      id: string;
      name: string;
      state: string;
      failed: boolean;
      gone: boolean;
      known: string;
    }>(`select c.id, s.snaptrade_user_id as name, c.state,
      s.look_failed_at is not null as failed, s.gone_at is not null as gone, u.id as known from snaptrade_users s join users u on u.id = s.user_id left join connections c on c.user_id = s.user_id
      where u.deletion_requested_at is null`);
    const seen = new Map(rows.map((row) => [row.id, row]));
    for (const { id, name, state, failed, gone } of rows) {
      if (gone) continue;
      if (failed)
        this.simulation.fail(
          "everybody's connections can be looked at again after trouble ends",
          `the last look at ${name.slice(0, 8)} failed`,
        );
      const user = world.user(name);
      for (const one of user?.connections ?? [])
        if (!seen.has(one.id))
          this.simulation.fail(
            "every connection is known after trouble ends",
            `connection ${one.id.slice(0, 8)} at ${one.slug} is not`,
          );
      const real = user?.connections.find((one) => one.id === id);
      const truth = real ? (real.disabled ? "disabled" : "enabled") : "deleted";
      if (id && truth !== state)
        this.simulation.fail(
          "pages tell the truth some minutes after trouble ends",
          `connection ${id.slice(0, 8)} is "${truth}" at SnapTrade and "${state}" with us`,
        );
    }
  }
}
