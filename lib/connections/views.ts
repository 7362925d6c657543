import type { PortalResult } from "@/lib/snaptrade/portal-result";

export type ConnectionStatus =
  | "removed"
  | "removing"
  | "unknown-connected"
  | "unknown-disabled"
  | "unsupported"
  | "verifying"
  | "reconnecting"
  | "disabled-maintenance"
  | "disabled-incident"
  | "disabled"
  | "maintenance"
  | "degraded"
  | "fresh"
  | "connected";

export type StatusGroup = "needs-you" | "nothing-to-do" | "connected";

/** An account as people know it: its name and the last digits of its number, never more. */
export interface AccountView {
  id: string;
  name: string;
  /** The last four characters of the account number; null if SnapTrade gave none. */
  lastDigits: string | null;
}

export interface BrokerageView {
  id: string;
  slug: string;
  name: string;
  logoUrl: string | null;
}

/** A connection as pages show it: status decided, ownership checked, no secrets. */
export interface ConnectionView {
  id: string;
  brokerage: BrokerageView;
  status: ConnectionStatus;
  group: StatusGroup;
  canReconnect: boolean;
  access: "read" | "trade";
  accounts: AccountView[];
  connectedSince: Date | null;
  disabledAt: Date | null;
  /** The date of the newest data that SnapTrade holds for it. */
  dataAsOf: Date | null;
  fixedAt: Date | null;
  removalRequestedAt: Date | null;
  /** SnapTrade accepted the removal; false while we don't know whether it received the request. */
  removalHeard: boolean;
  /** We stopped repeating the request; now only the person can ask again. */
  removalParked: boolean;
  removedAt: Date | null;
  portalOpenedAt: Date | null;
  /** When the newest portal session of this episode began, if it ended unfinished; otherwise null. */
  lastSessionUnfinishedAt: Date | null;
  /**
   * A working connection at the same brokerage, made after this one broke; null if there is none or the
   * person keeps both.
   */
  secondConnectionId: string | null;
  /**
   * In about how many days it may need a new sign-in, judging by that brokerage's history; null if unknown.
   */
  daysToUsualEnd: number | null;
  /** The brokerage allows trading, and this connection doesn't have that permission yet. */
  canAllowTrading: boolean;
}

export interface ConnectionsView {
  /** What is shown is at least as new as this version of the person's data. */
  version: number;
  /**
   * SnapTrade deleted this person's record, or has refused its secret for minutes; nothing shown can be
   * checked or repaired. "not-ours": the same for a SnapTrade user that the company had registered, so
   * connecting again here would not help.
   */
  gone: "deleted" | "refused" | "not-ours" | null;
  /**
   * False until SnapTrade first answered; until then, an empty list doesn't mean that there are no
   * connections.
   */
  known: boolean;
  /** How many more connections SnapTrade lists in a form we can't read. */
  unreadable: number;
  /** Nothing can be connected or repaired here, because this only watches (lib/base/mode.ts). */
  repairsOff: boolean;
  connections: ConnectionView[];
  /** Our clock: the last successful look. `unreachable`: a later one failed, or it is over a day old. */
  lookedAt: Date | null;
  unreachable: boolean;
  /**
   * When SnapTrade should be asked again, because what is shown is too old or contradicted; null if it is
   * fresh.
   */
  lookDueAt: Date | null;
}

type TimelineKind =
  | "last-data"
  | "stopped"
  | "reported-by-webhook"
  | "noticed-by-look"
  | "mailed"
  | "portal-opened"
  | "still-disabled"
  | "fixed"
  | "deleted"
  | "to-come";

export interface TimelineEntry {
  kind: TimelineKind;
  /** Null only for "to-come". */
  at: Date | null;
  /** Seconds from the break until we noticed it, or from the start of a portal session to its end. */
  seconds?: number;
  /** How a portal session ended. */
  ending?: "fixed" | "open" | PortalFailure;
  /** For "stopped": it was part of an incident at the brokerage. */
  inIncident?: boolean;
  /** For "mailed". */
  subject?: string;
}

/** An episode before the newest one, which the timeline shows. */
interface PastEpisode {
  id: string;
  brokeAt: Date;
  endedAt: Date;
  endedHow: "fixed" | "deleted";
}

export interface ConnectionDetailView {
  version: number;
  connection: ConnectionView;
  timeline: TimelineEntry[];
  /**
   * How many days connections at this brokerage usually last, and how long this one did; null with too little
   * history.
   */
  lifetime: { usualDays: number; lastedDays: number } | null;
  earlier: PastEpisode[];
  lookedAt: Date | null;
  unreachable: boolean;
  lookDueAt: Date | null;
}

export interface QueueView {
  id: string;
  entries: {
    connectionId: string;
    brokerage: BrokerageView;
    accounts: AccountView[];
    state: "waiting" | "current" | "fixed" | "skipped";
  }[];
}

/** Whether the accounts from before the break are listed again after the repair. */
export interface AccountsBack {
  expected: number;
  missing: AccountView[];
}

/** What a portal session is for. "renew" and "allow-trading" reconnect a connection that works. */
export type PortalIntent = "connect" | "reconnect" | "renew" | "allow-trading";
/** A portal session for a connection that exists. */
export type RepairIntent = Exclude<PortalIntent, "connect">;

/**
 * What a window message or the return URL reports (docs/snaptrade.md §4.8, §4.12). It affects only the
 * wording, never the outcome.
 */
export type ReportedResult = PortalResult;

export type PortalFailure =
  | "different-login"
  | "sign-in-refused"
  | "code-refused"
  | "key-not-allowed"
  | "brokerage-unreachable"
  | "expired"
  | "not-finished"
  | "no-word"
  | "our-side"
  | "gone"
  | "second-connection"
  | "no-new-connection"
  | "unexplained";

/**
 * What the server concluded about one portal session, which is all that pages show. Times are on SnapTrade's
 * clock.
 */
export type PortalOutcome =
  | { state: "open" }
  | { state: "checking"; signedIn: boolean }
  | { state: "unconfirmed" }
  | { state: "fixed"; confirmedAt: Date }
  | { state: "connected"; connectionId: string; confirmedAt: Date }
  /** It worked again after this session began, but has stopped since. */
  | { state: "stopped-again"; brokeAt: Date }
  | { state: "failed"; failure: PortalFailure; code: string | null };

/** One portal session and its outcome, for the dialog and for the page after a redirect. */
export interface PortalView {
  /** What is shown is at least as new as this version of the person's data. */
  version: number;
  portalSessionId: string;
  intent: PortalIntent;
  /** The fix session whose link led here; null for a click on our other pages. */
  fixSessionId: string | null;
  /** The connection to repair, or the one that was made; null until a new one has been seen. */
  connectionId: string | null;
  brokerage: BrokerageView;
  /** The access level that SnapTrade reports now; null until a new connection has been seen. */
  access: "read" | "trade" | null;
  accounts: AccountView[];
  /** After a repair: whether the earlier accounts are back; null until SnapTrade has been asked. */
  accountsBack: AccountsBack | null;
  /**
   * Signing in opens another window (docs/snaptrade.md §4.7), which the browser may block; null if unknown.
   */
  signInOpensPopup: boolean | null;
  brokeAt: Date | null;
  reportedAt: Date | null;
  outcome: PortalOutcome;
  /** We know an address to write to when it's worth trying again. */
  canMail: boolean;
  queue: QueueView | null;
}

/** The response to a click on Reconnect or Connect: the only way a login link reaches a browser. */
export interface OpenedPortal {
  loginLink: string;
  /** The origins from which the portal may post messages. */
  portalOrigins: string[];
  appName: string;
  view: PortalView;
}
