import { Deliveries } from "../webhooks/deliveries";
import { brokerages, type BrokerageFlags, defaultFlags, findBrokerage } from "./brokerages";
import { announceDailyHoldings, finishRepair, removeConnection } from "./connections";
import { recordEvent } from "./events";
import { History } from "./history";
import type * as model from "./model";
import type {
  Connection,
  Fault,
  ListedBrokerage,
  LoggedRequest,
  Mail,
  Partner,
  PortalSession,
  User,
  WebhookEvent,
} from "./model";
import { Chance, type Outside, thisMachine } from "./outside";
import { RateLimit } from "./rate-limit";
import { defaultSettings, type Settings } from "./settings";

const keptRequests = 1000;
const keptSessions = 5000;

/** The emulated world; `model.ts` documents its members. */
export class World implements model.World {
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

  changed() {
    this.onChange?.();
  }

  now(user?: User): number {
    const skewSeconds = user?.settings.clockSkewSeconds ?? this.settings.clockSkewSeconds;
    return this.trueTime() + (user?.clockOffset ?? 0) + skewSeconds * 1000;
  }

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

  user(userId: string): User | undefined {
    const user = this.users.get(userId);
    if (user) this.applyDueOf(user);
    return this.users.get(userId);
  }

  shownConnections(user: User, read: "list" | "detail"): Connection[] {
    const { readLagSeconds, listLagSeconds } = this.settingsOf(user);
    const lagSeconds = read === "list" ? Math.max(readLagSeconds, listLagSeconds) : readLagSeconds;
    return lagSeconds === 0
      ? user.connections
      : this.history.connectionsAt(user, this.now(user) - lagSeconds * 1000);
  }

  applyDue() {
    for (const user of this.users.values()) this.applyDueOf(user);
  }

  private applyDueOf(user: User) {
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
