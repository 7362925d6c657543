export type Login =
  "good" | "same-login" | "wrong-password" | "other-login" | "unreachable" | "liar" | "hang" | "says-so";

/** How a person uses the portal once it is open. */
export interface Visit {
  login: Login;
  /** The time from opening the portal to signing in. */
  thinkMs: number;
  /** Leaves instead of signing in. */
  abandons: boolean;
  /** Clicks again before the portal opens, or later opens a second tab and closes that one. */
  again: "no" | "double-click" | "second-tab";
  againMs: number;
  /** Whether the browser reports what happened, or stays silent as if it had been closed. */
  reports: boolean;
  /** How long the open page keeps asking. */
  patienceMs: number;
  /** How long after a successful sign-in the connection breaks again; 0 for never. */
  breaksAgainMs: number;
  /** Reconnects a working connection, to sign in early. */
  renews: boolean;
}

export type NetworkKind =
  "lost" | "5xx" | "html" | "hang" | "drip" | "slow" | "refuses-user" | "limit" | "removals-lost" | "lags";
export type DatabaseKind =
  "drop" | "silent" | "breaks" | "silences" | "away-refused" | "away-silent" | "slow";
export type HookKind = "lost" | "late" | "doubled" | "held" | "retried-late";
export type ReceiverKind = "fails" | "hangs" | "late";
export type MailKind = "refused" | "hang" | "answer-lost";

/**
 * One thing that happens. Everything about it is decided in advance, so leaving it out doesn't change the
 * others.
 */
export type Action = { at: number } & (
  | { action: "break" | "repair" | "delete-there" | "remove"; person: number; nth: number }
  | { action: "flap"; person: number; nth: number; ms: number; againMs: number }
  | { action: "incident"; brokerage: string }
  | { action: "maintenance"; brokerage: string; ms: number }
  | { action: "open-page"; person: number; ms: number }
  | { action: "check-now"; person: number }
  | { action: "reconnect"; person: number; nth: number; visit: Visit }
  | { action: "connect"; person: number; brokerage: string; visit: Visit }
  | { action: "forget"; person: number }
  | { action: "arrive"; person: number }
  | { action: "hammer"; person: number; ms: number }
  | { action: "heartbeats"; person: number; nth: number; daysAgo: number[] }
  | {
      action: "odd-webhook";
      person: number;
      kind: "forged" | "not-json" | "surrogate" | "year-0" | "future" | "foreign";
    }
  | { action: "account-leaves"; person: number; nth: number }
  | { action: "timer-stops"; ms: number }
  | { action: "kill"; process: number; ms: number }
  | { action: "freeze"; process: number; ms: number }
  | { action: "network"; kind: NetworkKind; ms: number; share: number }
  | { action: "database"; kind: DatabaseKind; ms: number; share: number }
  | { action: "webhooks"; kind: HookKind; ms: number }
  | { action: "mail"; kind: MailKind; ms: number }
  | { action: "receiver"; kind: ReceiverKind; ms: number; share: number }
  | { action: "endpoint"; is: "added" | "removed" }
  /**
   * The company imports people. The command is killed after `killMs`, 0 for never, and run until it succeeds;
   * if `twice`, once more.
   */
  | {
      action: "import";
      people: { brokerage: string; broken: boolean; hasEmail: boolean }[];
      killMs: number;
      twice: boolean;
    }
  /** An operator resets somebody's secret without noticing whether the company holds it too. */
  | { action: "reset-secret"; person: number }
  | {
      action: "fix-session";
      person: number;
      nth: number;
      /** For one connection, or for everything that needs the person. */
      forOne: boolean;
      expiresInSeconds: number;
      /** How long after it was made the person comes. */
      comesMs: number;
      visit: Visit;
    }
);

export interface History {
  people: number;
  /** The brokerages of each person's initial connections, and whether they work. */
  connections: { brokerage: string; broken: boolean }[][];
  processes: number;
  /** Whether each process has its own timer; otherwise one external scheduler calls any of them. */
  ownTimers: boolean;
  /** How many requests SnapTrade accepts per minute. */
  rateLimit: number;
  /** How far ahead the clocks are: SnapTrade's, the database's, and each process's. */
  clocksAheadMs: { snapTrade: number; database: number; processes: number[] };
  troubleMs: number;
  quietMs: number;
  actions: Action[];
}
