import type { Exchange } from "../world/network";
import type { Database } from "../database/database";
import type { EmulatorExports } from "../programs";
import type { Scheduler } from "../scheduler";

/** SnapTrade's newest true statement about one connection. Times are on the simulation's clock. */
interface Statement {
  state: "enabled" | "disabled" | "deleted";
  /** When it was true. */
  at: number;
  /** The earliest moment it can describe: an event's own time, or when the question was asked. */
  from: number;
  /** When the app received it. */
  receivedAt: number;
}

/** SnapTrade dates its answers in whole seconds. */
const clockResolutionMs = 1_500;

/** Whether a connection works after such an event. */
const worksAfter: Record<string, boolean> = {
  CONNECTION_ADDED: true,
  CONNECTION_FIXED: true,
  CONNECTION_BROKEN: false,
  CONNECTION_DELETED: false,
};

/** The parts of a simulation that the ledger reads and reports to. */
interface Surroundings {
  scheduler: Scheduler;
  database: Database;
  world: InstanceType<EmulatorExports["World"]>;
  fail: (invariant: string, detail: string) => void;
}

interface Listed {
  id: string;
  disabled: boolean;
}

/** One answer about a person's accounts: their ids by connection. */
interface AccountsAnswer {
  askedAt: number;
  answeredAt: number;
  ids: Map<string, string[]>;
}

/** What can be known from outside: SnapTrade's statements, our acknowledgments, and the times of requests. */
export class Ledger {
  /** The newest statement about each connection. */
  readonly newest = new Map<string, Statement>();
  /** The newest statement of each kind. */
  private readonly works = new Map<string, Statement>();
  private readonly stopped = new Map<string, Statement>();
  private readonly owners = new Map<string, string>();
  /** When we answered 204, by event id. */
  readonly acknowledgedAt = new Map<string, number>();
  /** Requests that reached SnapTrade within about the last minute, and for whom. */
  private calls: { at: number; userId: string | null }[] = [];
  /** When SnapTrade last refused us for exceeding its rate limit. */
  throttledAt = Number.NEGATIVE_INFINITY;
  /** When the newest read that found each connection working was requested. */
  readonly readWorkingAt = new Map<string, number>();
  /** The answers about each person's accounts, oldest first, by the person's SnapTrade user id. */
  private readonly accounts = new Map<string, AccountsAnswer[]>();
  /** When SnapTrade was last asked for each person's connections. */
  readonly askedAt = new Map<string, number>();

  constructor(private readonly simulation: Surroundings) {}

  /** Call when a request reaches SnapTrade. */
  arrived(method: string, target: string) {
    if (method === "DELETE" && target.startsWith("/snapTrade/deleteUser"))
      this.deletesNobody(new URLSearchParams(target.split("?")[1]).get("userId") ?? "");
    const { now } = this.simulation.scheduler;
    const userId = new URLSearchParams(target.split("?")[1]).get("userId");
    if (userId && method === "GET" && target.startsWith("/authorizations?")) this.askedAt.set(userId, now);
    this.calls.push({ at: now, userId });
    this.calls = this.calls.filter(({ at }) => at > now - 60_000);
  }

  /** A SnapTrade user with connections is only deleted along with the person's account. */
  private deletesNobody(name: string) {
    const { simulation } = this;
    const user = simulation.world.users.get(name);
    if (!user || user.connections.length === 0) return;
    const [staying] = simulation.database.query<{ id: string }>(
      `select u.id from users u join former_snaptrade_users f on f.user_id = u.id where f.snaptrade_user_id = '${name}' and u.deletion_requested_at is null`,
    );
    if (staying)
      simulation.fail(
        "nobody loses connections because SnapTrade refused their secret for a moment",
        `${user.connections.length} of user ${staying.id}`,
      );
  }

  /** The number of requests in the last minute, for one user or for all. */
  callsOf(userId?: string): number {
    const { now } = this.simulation.scheduler;
    return this.calls.filter(
      (call) => call.at > now - 60_000 && (userId === undefined || call.userId === userId),
    ).length;
  }

  /**
   * Whether SnapTrade says that somebody has signed in to this connection since then: created it, repaired
   * it, or signed in while it worked. Only the sign-in result reveals the last case.
   */
  signedInSince(connectionId: string, since: number): boolean {
    const { world } = this.simulation;
    const signs = ["CONNECTION_ADDED", "CONNECTION_FIXED", "CONNECTION_UPDATED"];
    // Event times are on SnapTrade's clock.
    const from = since + world.settings.clockSkewSeconds * 1000;
    const owner = [...world.users.values()].find(({ connections }) =>
      connections.some(({ id }) => id === connectionId),
    );
    const connection = owner?.connections.find(({ id }) => id === connectionId);
    const worked =
      connection && (!connection.disabled || (connection.disabledAt ?? 0) > from)
        ? world.brokerage(connection.slug, owner)?.id
        : undefined;
    return [...world.events.values()].flat().some((event) => {
      if (Date.parse(event.eventTimestamp) < from) return false;
      if (signs.includes(event.eventType)) return event.brokerageAuthorizationId === connectionId;
      return (
        worked !== undefined &&
        event.userId === owner?.userId &&
        event.brokerageId === worked &&
        event.connectionAttemptedResult === "SUCCESS"
      );
    });
  }

  /** Whether this connection worked at SnapTrade then, by the last event about it until that moment. */
  workedAt(connectionId: string, then: number): boolean {
    const { world } = this.simulation;
    const at = then + world.settings.clockSkewSeconds * 1000;
    const last = [...world.events.values()]
      .flat()
      .filter(({ brokerageAuthorizationId: id, eventType }) => id === connectionId && eventType in worksAfter)
      .map(({ eventType, eventTimestamp }) => ({
        works: worksAfter[eventType],
        at: Date.parse(eventTimestamp),
      }))
      .filter((event) => event.at <= at)
      .sort((one, other) => one.at - other.at)
      .at(-1);
    return last?.works === true;
  }

  /** Call when an answer reaches the app. */
  answered({ method, target, askedAt, readAt, answeredAt, answer, process }: Exchange) {
    if (answer.status === 429) this.throttledAt = answeredAt;
    const path = target.split("?")[0] ?? "";
    const userId = new URLSearchParams(target.split("?")[1]).get("userId");
    const [, one] = /^\/authorizations\/([\w-]+)$/.exec(path) ?? [];
    // A lagging read can deny a new connection, so that denial doesn't count.
    if (method === "GET" && answer.status === 404 && one && !this.isThere(one))
      this.record(one, { state: "deleted", at: readAt, from: askedAt, receivedAt: answeredAt });
    if (method !== "GET" || answer.status !== 200 || !userId) return;
    if (path === "/accounts") this.recordAccounts(userId, { askedAt, answeredAt, ids: idsOf(answer.body) });
    if (path !== "/authorizations") return;
    const listed = JSON.parse(answer.body) as Listed[];
    this.simulation.scheduler.note(
      `${process} read ${listed.map(({ disabled }) => (disabled ? "d" : "e")).join("")}`,
    );
    for (const { id, disabled } of listed) {
      this.owners.set(id, userId);
      if (!disabled) this.readWorkingAt.set(id, Math.max(askedAt, this.readWorkingAt.get(id) ?? 0));
      this.record(id, {
        state: disabled ? "disabled" : "enabled",
        at: readAt,
        from: askedAt,
        receivedAt: answeredAt,
      });
    }
  }

  private isThere(connectionId: string): boolean {
    return [...this.simulation.world.users.values()].some(({ connections }) =>
      connections.some(({ id }) => id === connectionId),
    );
  }

  private recordAccounts(userId: string, answer: AccountsAnswer) {
    const all = [...(this.accounts.get(userId) ?? []), answer].sort(
      (one, other) => one.askedAt - other.askedAt,
    );
    this.accounts.set(userId, all);
  }

  /** All answers about the accounts of this connection's owner, oldest request first. */
  accountAnswers(connectionId: string): AccountsAnswer[] {
    return this.accounts.get(this.owners.get(connectionId) ?? "") ?? [];
  }

  /** When events of these types happened to a connection, on the simulation's clock. */
  eventsOf(connectionId: string, types: string[]): number[] {
    const { world } = this.simulation;
    const events = [...world.events.values()]
      .flat()
      .filter((event) => event.brokerageAuthorizationId === connectionId && types.includes(event.eventType));
    return events.map(
      ({ eventTimestamp }) => Date.parse(eventTimestamp) - world.settings.clockSkewSeconds * 1000,
    );
  }

  /** Call when the app has acknowledged a webhook. */
  acknowledged(body: string) {
    const { scheduler } = this.simulation;
    const event = JSON.parse(body) as {
      webhookId: string;
      eventType: string;
      eventTimestamp: string;
      userId: string;
      brokerageAuthorizationId?: string;
    };
    if (!this.acknowledgedAt.has(event.webhookId)) this.acknowledgedAt.set(event.webhookId, scheduler.now);
    const at = Date.parse(event.eventTimestamp) - this.simulation.world.settings.clockSkewSeconds * 1000;
    if (event.eventType === "USER_DELETED")
      for (const [id, owner] of this.owners)
        if (owner === event.userId)
          this.record(id, { state: "deleted", at, from: at, receivedAt: scheduler.now });
    const states = {
      CONNECTION_BROKEN: "disabled",
      CONNECTION_FIXED: "enabled",
      CONNECTION_DELETED: "deleted",
    } as const;
    const state = states[event.eventType as keyof typeof states] as Statement["state"] | undefined;
    if (!state || !event.brokerageAuthorizationId) return;
    this.record(event.brokerageAuthorizationId, { state, at, from: at, receivedAt: scheduler.now });
  }

  /** Since when the app could be certain that a connection doesn't work; null while it might. */
  surelyStoppedSince(id: string): number | null {
    const [works, stopped] = [this.works.get(id), this.stopped.get(id)];
    return stopped && (!works || stopped.from > works.from + clockResolutionMs) ? stopped.receivedAt : null;
  }

  private record(id: string, statement: Statement) {
    const side = statement.state === "enabled" ? this.works : this.stopped;
    const latest = side.get(id);
    if (!latest || statement.from > latest.from) {
      const again = latest && this.surelyStoppedSince(id) !== null;
      side.set(id, { ...statement, receivedAt: again ? latest.receivedAt : statement.receivedAt });
    }
    const newest = this.newest.get(id);
    if (newest && newest.at > statement.at) return;
    // A repeated statement doesn't become newer news.
    if (newest?.state === statement.state)
      this.newest.set(id, { ...statement, receivedAt: newest.receivedAt });
    else this.newest.set(id, statement);
  }
}

function idsOf(body: string): AccountsAnswer["ids"] {
  const ids = new Map<string, string[]>();
  for (const { id, brokerage_authorization: connection } of JSON.parse(body) as {
    id: string;
    brokerage_authorization: string;
  }[])
    ids.set(connection, [...(ids.get(connection) ?? []), id]);
  return ids;
}
