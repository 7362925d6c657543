import type { LoginBody } from "../api/login-body";
import type { Brokerage, BrokerageFlags } from "./brokerages";
import type { FaultInput } from "./fault-input";
import type { Chance, Outside } from "./outside";
import type { RateLimit } from "./rate-limit";
import type { Settings } from "./settings";

export interface Partner {
  clientId: string;
  consumerKey: string;
  name: string;
  redirectUri: string | null;
}

export type ListedBrokerage = Brokerage & BrokerageFlags;

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
  /** Identifies the login at the brokerage; the same login always yields the same connection. */
  login: string;
  name: string;
  type: "read" | "trade";
  createdAt: number;
  updatedAt: number;
  disabled: boolean;
  disabledAt: number | null;
  syncedAt: number;
  /** The newest daily update that a webhook has announced. */
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

export type Ending =
  { kind: "success"; connectionId: string } | { kind: "error"; code: string; status: number; detail: string };

/** One visit to the Connection Portal. */
export interface PortalSession {
  sessionId: string;
  token: string;
  userId: string;
  /** On the user's clock. */
  expiresAt: number;
  redeemed: boolean;
  wanted: LoginBody;
  /** The login body exactly as received, for tests. */
  body: Record<string, unknown>;
  ending: Ending | null;
  /** How many sign-ins have failed in this session. */
  failures: number;
}

export type WebhookEvent = {
  webhookId: string;
  clientId: string;
  eventTimestamp: string;
  userId: string;
  eventType: string;
} & Record<string, unknown>;

/** One POST of a webhook, and the answer to it. */
export interface Attempt {
  at: string;
  body: string;
  signature: string | null;
  /** Null when no answer came. */
  status: number | null;
  error: string | null;
  ms: number;
}

export interface Delivery {
  id: string;
  event: WebhookEvent;
  state: "held" | "under way" | "delivered" | "waiting for retry" | "given up" | "dropped";
  attempts: Attempt[];
}

export type ReleaseOrder = "oldest" | "newest" | "random";

/** Sends webhook events to the partner's one listener. */
export interface WebhookSender {
  /** The partner's listener, as set in SnapTrade's dashboard; nothing is sent while it is null. */
  url: string | null;
  all(userId?: string): Delivery[];
  add(event: WebhookEvent): void;
  send(delivery: Delivery): Promise<void>;
  release(order: ReleaseOrder, userId?: string): Promise<number>;
  close(): void;
}

/** A fault with a null `userId` affects everyone. */
export type Fault = FaultInput & { id: string; userId: string | null };

export interface Mail {
  id: string;
  to: string;
  from: string;
  subject: string;
  text: string;
  html: string | null;
  links: string[];
  receivedAt: string;
}

export interface LoggedRequest {
  method: string;
  path: string;
  status: number | null;
  at: string;
  userId: string | null;
}

/** Everything one emulator knows. Several can live side by side in one process. */
export interface World {
  readonly partner: Partner;
  readonly outside: Outside;
  readonly chance: Chance;
  readonly deliveries: WebhookSender;
  /** Keeps a user's connections as they were before a change, for reads that lag. */
  readonly history: { keep(user: User, now: number): void };
  users: Map<string, User>;
  sessions: Map<string, PortalSession>;
  events: Map<string, WebhookEvent[]>;
  brokerageFlags: Record<string, Partial<BrokerageFlags>>;
  settings: Settings;
  clockOffset: number;
  faults: Fault[];
  mail: Mail[];
  nextMailId: number;
  requests: LoggedRequest[];
  rateLimit: RateLimit;
  /** Where the portal and the brokerages' own pages are; known once the server listens. */
  origins: { portal: string; brokerage: string };
  onChange: (() => void) | null;

  /** Call after every change that must survive a restart. */
  changed(): void;
  /** SnapTrade's clock, or one user's share of it. */
  now(user?: User): number;
  /** The correct time, however far off SnapTrade's clock is; request timestamps and rates use it. */
  trueTime(): number;
  sleep(ms: number): Promise<void>;
  settingsOf(user: User | undefined): Settings;
  brokerage(slug: string, user?: User): ListedBrokerage | undefined;
  listBrokerages(user?: User): ListedBrokerage[];
  register(userId: string): User;
  /** The user as of now, after everything due has been applied. */
  user(userId: string): User | undefined;
  /** The user's connections as this kind of read shows them now, which may lag. */
  shownConnections(user: User, read: "list" | "detail"): Connection[];
  /** Carries out everything that is due, for every user. */
  applyDue(): void;
  addSession(session: PortalSession): void;
  log(request: LoggedRequest): void;
  /** Back to an empty world on the true clock. */
  reset(): void;
}
