import type { Exchange } from "./network";
import type { Simulation } from "./simulation";

/**
 * What SnapTrade has told us about one connection: the statement that was true last. Times on the one true
 * clock.
 */
interface Statement {
  state: "enabled" | "disabled" | "deleted";
  /** When it was true. */
  at: number;
  /** The earliest moment for which it may be taken: an event's own time, or when the question was asked. */
  from: number;
  /** When we were told. */
  toldAt: number;
}

/** SnapTrade dates its answers in whole seconds. */
const clockResolutionMs = 1_500;

interface Listed {
  id: string;
  disabled: boolean;
}

/** One answer about a person's accounts: their ids, by connection. */
export interface AccountsTold {
  askedAt: number;
  answeredAt: number;
  ids: Map<string, string[]>;
}

/** What outsiders know: what SnapTrade told us, what we acknowledged, and what left as mail. */
export class Ledger {
  /** The newest statement that we were told, by connection. */
  readonly told = new Map<string, Statement>();
  /** The newest statement of each kind. */
  private readonly works = new Map<string, Statement>();
  private readonly stopped = new Map<string, Statement>();
  private readonly owners = new Map<string, string>();
  /** When we answered 204, by event id. */
  readonly acknowledgedAt = new Map<string, number>();
  /** Arrivals at SnapTrade within about the last minute, and for whom. */
  private calls: { at: number; userId: string | null }[] = [];
  /** When SnapTrade last refused us for asking too much. */
  throttledAt = Number.NEGATIVE_INFINITY;
  /** When the newest read that found each connection working was asked. */
  readonly readWorkingAt = new Map<string, number>();
  /** What we were told of each person's accounts, oldest first, by SnapTrade's name of the person. */
  private readonly accounts = new Map<string, AccountsTold[]>();
  /** When SnapTrade was last asked for the connections of each person. */
  readonly askedAt = new Map<string, number>();

  constructor(private readonly simulation: Simulation) {}

  /** A request has reached SnapTrade. */
  arrived(method: string, target: string) {
    if (method === "DELETE" && target.startsWith("/snapTrade/deleteUser"))
      this.deletesNobody(new URLSearchParams(target.split("?")[1]).get("userId") ?? "");
    const { now } = this.simulation.scheduler;
    const userId = new URLSearchParams(target.split("?")[1]).get("userId");
    if (userId && method === "GET" && target.startsWith("/authorizations?")) this.askedAt.set(userId, now);
    this.calls.push({ at: now, userId });
    this.calls = this.calls.filter(({ at }) => at > now - 60_000);
  }

  /** A SnapTrade user with connections is deleted only along with its person's account. */
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

  /** How many requests there were in the last minute, of one user or of all. */
  callsOf(userId?: string): number {
    const { now } = this.simulation.scheduler;
    return this.calls.filter(
      (call) => call.at > now - 60_000 && (userId === undefined || call.userId === userId),
    ).length;
  }

  /**
   * Whether SnapTrade says that somebody signed in for this connection since then: made it, repaired it, or
   * signed in while it worked. Nothing but the result of the attempt tells of a sign-in that found a
   * connection working and left it as it was.
   */
  signedInSince(connectionId: string, since: number): boolean {
    const { world } = this.simulation;
    const signs = ["CONNECTION_ADDED", "CONNECTION_FIXED", "CONNECTION_UPDATED"];
    // Times of events are on SnapTrade's clock.
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

  /** An answer has reached us. */
  heard({ method, target, askedAt, readAt, answeredAt, answer, process }: Exchange) {
    if (answer.status === 429) this.throttledAt = answeredAt;
    const path = target.split("?")[0] ?? "";
    const userId = new URLSearchParams(target.split("?")[1]).get("userId");
    const [, one] = /^\/authorizations\/([\w-]+)$/.exec(path) ?? [];
    // A read that lags denies what was just made; nobody may believe that.
    if (method === "GET" && answer.status === 404 && one && !this.isThere(one))
      this.tell(one, { state: "deleted", at: readAt, from: askedAt, toldAt: answeredAt });
    if (method !== "GET" || answer.status !== 200 || !userId) return;
    if (path === "/accounts") this.heardAccounts(userId, { askedAt, answeredAt, ids: idsOf(answer.body) });
    if (path !== "/authorizations") return;
    const listed = JSON.parse(answer.body) as Listed[];
    this.simulation.scheduler.note(
      `${process} was told ${listed.map(({ disabled }) => (disabled ? "d" : "e")).join("")}`,
    );
    for (const { id, disabled } of listed) {
      this.owners.set(id, userId);
      if (!disabled) this.readWorkingAt.set(id, Math.max(askedAt, this.readWorkingAt.get(id) ?? 0));
      this.tell(id, {
        state: disabled ? "disabled" : "enabled",
        at: readAt,
        from: askedAt,
        toldAt: answeredAt,
      });
    }
  }

  private isThere(connectionId: string): boolean {
    return [...this.simulation.world.users.values()].some(({ connections }) =>
      connections.some(({ id }) => id === connectionId),
    );
  }

  private heardAccounts(userId: string, told: AccountsTold) {
    const all = [...(this.accounts.get(userId) ?? []), told].sort(
      (one, other) => one.askedAt - other.askedAt,
    );
    this.accounts.set(userId, all);
  }

  /** All answers about the accounts of the person whose connection this is, oldest question first. */
  accountsTold(connectionId: string): AccountsTold[] {
    return this.accounts.get(this.owners.get(connectionId) ?? "") ?? [];
  }

  /** When, on the one true clock, SnapTrade says that something of this kind happened to a connection. */
  eventsOf(connectionId: string, types: string[]): number[] {
    const { world } = this.simulation;
    const told = [...world.events.values()]
      .flat()
      .filter((event) => event.brokerageAuthorizationId === connectionId && types.includes(event.eventType));
    return told.map(
      ({ eventTimestamp }) => Date.parse(eventTimestamp) - world.settings.clockSkewSeconds * 1000,
    );
  }

  /** We have taken a webhook. */
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
        if (owner === event.userId) this.tell(id, { state: "deleted", at, from: at, toldAt: scheduler.now });
    const states = {
      CONNECTION_BROKEN: "disabled",
      CONNECTION_FIXED: "enabled",
      CONNECTION_DELETED: "deleted",
    } as const;
    const state = states[event.eventType as keyof typeof states] as Statement["state"] | undefined;
    if (!state || !event.brokerageAuthorizationId) return;
    this.tell(event.brokerageAuthorizationId, { state, at, from: at, toldAt: scheduler.now });
  }

  /**
   * Since when it has been beyond doubt that a connection does not work, by what we were told; null while it
   * may.
   */
  surelyStoppedSince(id: string): number | null {
    const [works, stopped] = [this.works.get(id), this.stopped.get(id)];
    return stopped && (!works || stopped.from > works.from + clockResolutionMs) ? stopped.toldAt : null;
  }

  private tell(id: string, statement: Statement) {
    const side = statement.state === "enabled" ? this.works : this.stopped;
    const latest = side.get(id);
    if (!latest || statement.from > latest.from) {
      const again = latest && this.surelyStoppedSince(id) !== null;
      side.set(id, { ...statement, toldAt: again ? latest.toldAt : statement.toldAt });
    }
    const newest = this.told.get(id);
    if (newest && newest.at > statement.at) return;
    // Saying the same again does not make it newer news.
    if (newest?.state === statement.state) this.told.set(id, { ...statement, toldAt: newest.toldAt });
    else this.told.set(id, statement);
  }
}

function idsOf(body: string): AccountsTold["ids"] {
  const ids = new Map<string, string[]>();
  for (const { id, brokerage_authorization: connection } of JSON.parse(body) as {
    id: string;
    brokerage_authorization: string;
  }[])
    ids.set(connection, [...(ids.get(connection) ?? []), id]);
  return ids;
}
