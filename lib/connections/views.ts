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

/** One account as people know it: its name and the last digits of its number, never more. */
export interface AccountView {
  id: string;
  name: string;
  /** The last four characters of the account number; null when SnapTrade gave none. */
  lastDigits: string | null;
}

export interface BrokerageView {
  id: string;
  slug: string;
  name: string;
  logoUrl: string | null;
}

/** One connection as pages draw it: decided, owned, without secrets. */
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
  /** Newest data that SnapTrade holds for it. */
  dataAsOf: Date | null;
  fixedAt: Date | null;
  removalRequestedAt: Date | null;
  /** SnapTrade accepted the removal; false while we don't know whether it received the request. */
  removalHeard: boolean;
  /** We have stopped repeating the request; only the person can ask again. */
  removalParked: boolean;
  removedAt: Date | null;
  portalOpenedAt: Date | null;
  /** What became of the last trip to the portal when it ended unfinished in this episode; null otherwise. */
  lastSessionUnfinishedAt: Date | null;
  /**
   * A working connection at the same brokerage that was made after this one broke; null when there is none or
   * both are kept.
   */
  secondConnectionId: string | null;
  /**
   * By that brokerage's own history it may need signing in again in about so many days; null when that says
   * nothing.
   */
  daysToUsualEnd: number | null;
  /** The brokerage lets apps trade, and this connection may not. */
  canAllowTrading: boolean;
}

export interface ConnectionsView {
  /** What is shown is at least as new as this version of the person's data. */
  version: number;
  /**
   * SnapTrade has deleted this person's record, or has refused its secret for minutes: what is shown can be
   * neither checked nor repaired.
   */
  gone: "deleted" | "refused" | null;
  /**
   * False until SnapTrade has first told us which connections exist; until then an empty list doesn't mean
   * there are none.
   */
  known: boolean;
  /** How many more connections SnapTrade lists in a form we can't read. */
  unreadable: number;
  connections: ConnectionView[];
  /**
   * Our clock: last look at SnapTrade that succeeded, and the failure since; unreachable decides the page's
   * tense.
   */
  lookedAt: Date | null;
  unreachable: boolean;
  /**
   * When SnapTrade should be asked again because what is shown is too old or contradicted; null when it is
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
  /** Null only for what is still to come. */
  at: Date | null;
  /** Seconds between the break and our learning of it, or between opening and end of a trip. */
  seconds?: number;
  /** For a trip to the portal: how it ended. */
  ending?: "fixed" | "open" | PortalFailure;
  /** For the break: many of the same brokerage broke at about that time. */
  inIncident?: boolean;
  /** For an e-mail. */
  subject?: string;
}

/** A break before the newest one, which the time line tells. */
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
   * How many days connections of this brokerage usually last, and how long this one did; null with too little
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

/** What became of the accounts a connection had before it broke. */
export interface AccountsBack {
  expected: number;
  missing: AccountView[];
}

/** What a portal session is for. "renew" and "allow-trading" reconnect a connection that works. */
export type PortalIntent = "connect" | "reconnect" | "renew" | "allow-trading";
/** A portal session for a connection that exists. */
export type RepairIntent = Exclude<PortalIntent, "connect">;

/**
 * What a window message or the return URL reports (docs/snaptrade.md §4.8, §4.12). A hint: it chooses words,
 * never the result.
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
 * What the server concluded about one portal session; the only thing a page shows. Times on SnapTrade's
 * clock.
 */
export type PortalOutcome =
  | { state: "open" }
  | { state: "checking"; signedIn: boolean }
  | { state: "unconfirmed" }
  | { state: "fixed"; confirmedAt: Date }
  | { state: "connected"; connectionId: string; confirmedAt: Date }
  /** It worked again after this session began, and has stopped since. */
  | { state: "stopped-again"; brokeAt: Date }
  | { state: "failed"; failure: PortalFailure; code: string | null };

/**
 * One trip to the portal with what the server concluded, for the dialog and for the page after a redirect.
 */
export interface PortalView {
  /** What is shown is at least as new as this version of the person's data. */
  version: number;
  portalSessionId: string;
  intent: PortalIntent;
  /** The connection to repair, or the one that was made; null while a new one is not seen yet. */
  connectionId: string | null;
  brokerage: BrokerageView;
  /** What SnapTrade says of the connection now; null while a new one is not seen yet. */
  access: "read" | "trade" | null;
  accounts: AccountView[];
  /** After a repair: whether the earlier accounts came back; null until SnapTrade was asked. */
  accountsBack: AccountsBack | null;
  /**
   * Signing in opens another window (OAuth), so a blocked window is a likely trouble; null when not known.
   */
  signInOpensPopup: boolean | null;
  brokeAt: Date | null;
  reportedAt: Date | null;
  outcome: PortalOutcome;
  queue: QueueView | null;
}

/** What a click on Reconnect or Connect gets: the only place where a login link reaches a browser. */
export interface OpenedPortal {
  loginLink: string;
  /** Where the portal may post messages from. */
  portalOrigins: string[];
  appName: string;
  view: PortalView;
}
