import { randomUUID } from "node:crypto";
import { type Brokerage, brokerages, type BrokerageFlags, defaultFlags, findBrokerage } from "./brokerages";
import { announceDailyHoldings, finishRepair, removeConnection } from "./connections";
import { recordEvent, type WebhookEvent } from "./events";
import type { Fault } from "./faults";
import type { Mail } from "./mailbox";
import type { PortalSession } from "./portal/session";
import { RateLimit } from "./rate-limit";
import { defaultSettings, type Settings } from "./settings";
import { Deliveries } from "./webhooks/deliveries";

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
  readonly deliveries = new Deliveries(this);
  /** Where the portal lives; known once the server listens. */
  origin = "";
  onChange: (() => void) | null = null;

  constructor(readonly partner: Partner) {}

  /** To be called after every change that is to survive a restart. */
  changed() {
    this.onChange?.();
  }

  now(user?: User): number {
    return Date.now() + this.clockOffset + (user?.clockOffset ?? 0);
  }

  settingsOf(user: User | undefined): Settings {
    return { ...this.settings, ...user?.settings };
  }

  brokerage(slug: string, user?: User): ListedBrokerage | undefined {
    const brokerage = findBrokerage(slug);
    return brokerage && { ...brokerage, ...defaultFlags, ...this.brokerageFlags[slug], ...user?.brokerageFlags[slug] };
  }

  listBrokerages(user?: User): ListedBrokerage[] {
    return brokerages.flatMap(({ slug }) => this.brokerage(slug, user) ?? []);
  }

  register(userId: string): User {
    const user: User = {
      userId,
      userSecret: randomUUID(),
      clockOffset: 0,
      settings: {},
      brokerageFlags: {},
      connections: [],
      deleteAt: null,
    };
    this.users.set(userId, user);
    recordEvent(this, user, "USER_REGISTERED", {});
    return user;
  }

  /** The user as of now: whatever was due has happened. */
  user(userId: string): User | undefined {
    const user = this.users.get(userId);
    if (user) this.settle(user);
    return this.users.get(userId);
  }

  settleAll() {
    for (const user of this.users.values()) this.settle(user);
  }

  private settle(user: User) {
    const now = this.now(user);
    for (const connection of [...user.connections]) {
      if (connection.repairAt !== null && connection.repairAt <= now) finishRepair(this, user, connection, connection.repairAt);
      if (connection.deleteAt !== null && connection.deleteAt <= now) removeConnection(this, user, connection, connection.deleteAt);
      announceDailyHoldings(this, user, connection);
    }
    if (user.deleteAt !== null && user.deleteAt <= now) {
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
    this.deliveries.clear();
    this.changed();
  }
}
