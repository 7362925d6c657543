import type { Visits } from "../world/visits";
import type { Simulation } from "../simulation";
import type { Troubles } from "../world/troubles";

interface ShownRow {
  id: string;
  user_id: string;
  state: "enabled" | "disabled" | "deleted";
  removal: boolean;
  stale: boolean;
}

/** An event is processed within this time when nothing goes wrong. */
const processedMs = 8_000;
const youngMs = 4.9 * 60_000;
/** A signed deletion outranks reads for five minutes. */
const revivedMs = 6 * 60_000;
const minPeopleInIncident = 5;

/** Checks what must hold at every moment. */
export class Invariants {
  /** Since when each connection has been shown in a state that contradicts SnapTrade's newest statement. */
  private readonly wrongSince = new Map<string, number>();
  private readonly falseSince = new Map<string, number>();

  constructor(
    private readonly simulation: Simulation,
    private readonly visits: Visits,
    private readonly troubles: Troubles,
    private readonly others: { check: () => void }[],
  ) {}

  /** Runs the cheap checks; call often. They see only committed data. */
  check() {
    if (!this.simulation.database.isIdle || this.simulation.violation) return;
    this.statesFollowStatements();
    this.sessionsStayOpenWhileUsed();
    this.limitIsKept();
    this.whatIsNewStays();
    this.incidentsCountPeople();
    for (const other of this.others) other.check();
  }

  /** No shown state contradicts SnapTrade's newest statement for longer than asking again takes. */
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
    // The timer asks again about contradictions.
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
      const newest = ledger.newest.get(id);
      const wrong =
        newest !== undefined &&
        !stale &&
        newest.state !== state &&
        (state === "enabled" || newest.state === "enabled");
      if (!wrong || noTimer) {
        this.wrongSince.delete(id);
        continue;
      }
      const since = Math.max(this.wrongSince.get(id) ?? scheduler.now, newest.receivedAt);
      this.wrongSince.set(id, since);
      if (scheduler.now - since > slack)
        this.simulation.fail(
          `no connection is shown as "${state}" after SnapTrade has said "${newest.state}"`,
          `connection ${id.slice(0, 8)} is "${state}" for ${Math.round((scheduler.now - since) / 1000)} s after SnapTrade's newest statement, "${newest.state}"`,
        );
    }
  }

  /**
   * Never "connected" while SnapTrade's last statement says otherwise: an answer describes the moment it was
   * asked.
   */
  private neverFalselyConnected(id: string, since: number, slack: number) {
    this.falseSince.set(id, since);
    const ms = this.simulation.scheduler.now - since;
    if (ms > Math.max(processedMs, slack - 45_000))
      this.simulation.fail(
        "never connected while SnapTrade has last said otherwise",
        `connection ${id.slice(0, 8)} has been shown as connected for ${Math.round(ms / 1000)} s after a newer statement that it is not`,
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
      const session = this.visits.sessions.get(id);
      const tab = session?.isDoubleClick
        ? undefined
        : session?.tabs.find((one) => !one.closed && scheduler.now - one.openedAt < 290_000);
      if (tab)
        this.simulation.fail(
          "no portal session is concluded while somebody still has it open",
          `session ${id.slice(0, 8)} has failed; a window opened ${Math.round((scheduler.now - tab.openedAt) / 1000)} s ago is still in the portal`,
        );
    }
  }

  /**
   * A lagging list, even with a read that confirms it, never makes us conclude that a new connection is gone.
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
            `connection ${id.slice(0, 8)} at ${young.slug} has existed for ${Math.round((world.now(user) - young.createdAt) / 1000)} s, but we say that it is gone`,
          );
        else if (user.connections.some((one) => one.id === id)) this.livesAgain(id, scheduler.now);
      }
  }

  /** A connection that SnapTrade has listed for minutes is alive, whatever was concluded before. */
  private livesAgain(id: string, now: number) {
    const newest = this.simulation.ledger.newest.get(id);
    if (
      !newest ||
      newest.state === "deleted" ||
      now - newest.receivedAt < revivedMs ||
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
      `connection ${id.slice(0, 8)} is "${newest.state}", but we say that it is gone`,
    );
  }

  /** However many connections of one person break, and however often, that is not an incident. */
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
      if (people.length < minPeopleInIncident)
        this.simulation.fail(
          "an incident counts people, not connections",
          `${slug} has one from the breaks of ${people.length} people`,
        );
    }
  }

  /** SnapTrade never receives more requests in a minute than it allows. */
  private limitIsKept() {
    const { ledger, world } = this.simulation;
    // Requests sent within a minute can arrive slightly closer together.
    const jitter = 5;
    if (!this.troubles.had("network", 130_000) && ledger.callsOf() > world.settings.rateLimit + jitter)
      this.simulation.fail(
        "the rate limit is never exceeded",
        `${ledger.callsOf()} requests within a minute`,
      );
  }
}
