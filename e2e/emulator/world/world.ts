import { type Brokerage, brokerages, type BrokerageFlags, defaultFlags, findBrokerage } from "./brokerages";
import { announceDailyHoldings, finishRepair, removeConnection } from "./connections";
import { recordEvent, type WebhookEvent } from "./events";
import type { Fault } from "./faults";
import { History } from "./history";
import type { Mail } from "../mailbox/mailbox";
import { Chance, type Outside, thisMachine } from "../server/outside";
import type { PortalSession } from "../portal/session";
import { RateLimit } from "./rate-limit";
import { defaultSettings, type Settings } from "../server/settings";
import { Deliveries } from "../webhooks/deliveries";

export interface Account {
  id: string;
  institutionAccountId: string;
  name: string;
  number: string;
  currency: string;
  amount: number;
}

/** All times are milliseconds on the clock of the user who owns the connection. */
export interface Connection {
  id: string;
  slug: string;
  /** Which login at the brokerage this is; the same one gives the same connection. */
  login: string;
  name: string;
  type: "read" | "trade";
  createdAt: number;
  updatedAt: number;
  disabled: boolean;
  disabledAt: number | null;
  syncedAt: number;
  /** The newest daily update that was told by webhook. */
  announcedAt: number;
  refreshedAt: number | null;
  repairAt: number | null;
  deleteAt: number | null;
  shared: boolean;
  accounts: Account[];
}

export interface User {
  userId: string;
  userSecret: string;
  clockOffset: number;
  settings: Partial<Settings>;
  brokerageFlags: Record<string, Partial<BrokerageFlags>>;
  connections: Connection[];
  deleteAt: number | null;
}

export interface LoggedRequest {
  method: string;
  path: string;
  status: number | null;
  at: string;
  userId: string | null;
}

export interface Partner {
  clientId: string;
  consumerKey: string;
  name: string;
  redirectUri: string | null;
}

export type ListedBrokerage = Brokerage & BrokerageFlags;

const keptRequests = 1000;
const keptSessions = 5000;

/** Everything one emulator knows. Several may live side by side in one process. */
export class World {
  users = new Map<string, User>();
  sessions = new Map<string, PortalSession>();
  events = new Map<string, WebhookEvent[]>();
  brokerageFlags: Record<string, Partial<BrokerageFlags>> = {};
  settings: Settings = { ...defaultSettings };
  clockOffset = 0;
  faults: Fault[] = [];
  mail: Mail[] = [];
  nextMailId = 1;
  requests: LoggedRequest[] = [];
  rateLimit = new RateLimit();
  readonly history = new History();
  readonly outside: Outside;
  readonly chance: Chance;
  readonly deliveries: Deliveries;
  /** The addresses of the portal and of the brokerages' own pages; known once the server listens. */
  origins = { portal: "", brokerage: "" };
  onChange: (() => void) | null = null;

  constructor(
    readonly partner: Partner,
    outside: Partial<Outside> = {},
  ) {
    this.outside = { ...thisMachine, ...outside };
    this.chance = new Chance(this.outside.random);
    this.deliveries = new Deliveries(this);
  }

  /** To be called after every change that is to survive a restart. */
  changed() {
    this.onChange?.();
  }

  /** SnapTrade's clock, or one user's share of it. */
  now(user?: User): number {
    const skewSeconds = user?.settings.clockSkewSeconds ?? this.settings.clockSkewSeconds;
    return this.trueTime() + (user?.clockOffset ?? 0) + skewSeconds * 1000;
  }

  /**
   * The correct time: request timestamps and rates are checked against it, however far SnapTrade's clock is
   * off.
   */
  trueTime(): number {
    return this.outside.clock() + this.clockOffset;
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.outside.after(ms, resolve));
  }

  settingsOf(user: User | undefined): Settings {
    return { ...this.settings, ...user?.settings };
  }

  brokerage(slug: string, user?: User): ListedBrokerage | undefined {
    const brokerage = findBrokerage(slug);
    return (
      brokerage && {
        ...brokerage,
        ...defaultFlags,
        ...this.brokerageFlags[slug],
        ...user?.brokerageFlags[slug],
      }
    );
  }

  listBrokerages(user?: User): ListedBrokerage[] {
    return brokerages.flatMap(({ slug }) => this.brokerage(slug, user) ?? []);
  }

  register(userId: string): User {
    const user: User = {
      userId,
      userSecret: this.chance.uuid(),
      clockOffset: 0,
      settings: {},
      brokerageFlags: {},
      connections: [],
      deleteAt: null,
    };
    this.users.set(userId, user);
    this.history.forget(userId);
    recordEvent(this, user, "USER_REGISTERED", {});
    return user;
  }

  /** The user as of now: whatever was due has happened. */
  user(userId: string): User | undefined {
    const user = this.users.get(userId);
    if (user) this.settle(user);
    return this.users.get(userId);
  }

  /** The user's connections as this kind of read shows them now, which may lag. */
  shownConnections(user: User, read: "list" | "detail"): Connection[] {
    const { readLagSeconds, listLagSeconds } = this.settingsOf(user);
    const lagSeconds = read === "list" ? Math.max(readLagSeconds, listLagSeconds) : readLagSeconds;
    return lagSeconds === 0
      ? user.connections
      : this.history.connectionsAt(user, this.now(user) - lagSeconds * 1000);
  }

  settleAll() {
    for (const user of this.users.values()) this.settle(user);
  }

  private settle(user: User) {
    const now = this.now(user);
    for (const connection of [...user.connections]) {
      if (connection.repairAt !== null && connection.repairAt <= now)
        finishRepair(this, user, connection, connection.repairAt);
      if (connection.deleteAt !== null && connection.deleteAt <= now)
        removeConnection(this, user, connection, connection.deleteAt);
      announceDailyHoldings(this, user, connection);
    }
    if (user.deleteAt !== null && user.deleteAt <= now) {
      if (this.settingsOf(user).userDeletion !== "lost-event")
        recordEvent(this, user, "USER_DELETED", {}, user.deleteAt);
      this.users.delete(user.userId);
    }
  }

  addSession(session: PortalSession) {
    this.sessions.set(session.sessionId, session);
    const [oldest] = this.sessions.keys();
    if (oldest !== undefined && this.sessions.size > keptSessions) this.sessions.delete(oldest);
  }

  log(request: LoggedRequest) {
    this.requests.push(request);
    if (this.requests.length > keptRequests) this.requests.splice(0, this.requests.length - keptRequests);
  }

  /** Back to an empty world on the true clock. */
  reset() {
    this.users.clear();
    this.sessions.clear();
    this.events.clear();
    this.brokerageFlags = {};
    this.settings = { ...defaultSettings };
    this.clockOffset = 0;
    this.faults = [];
    this.mail = [];
    this.requests = [];
    this.rateLimit = new RateLimit();
    this.history.clear();
    this.deliveries.clear();
    this.changed();
  }
}
