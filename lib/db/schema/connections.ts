import { sql } from "drizzle-orm";
import { boolean, check, index, integer, jsonb, pgTable, primaryKey, text, unique, uniqueIndex, uuid } from "drizzle-orm/pg-core";
import { at } from "./at";

// People, as next-auth keeps them.

export const users = pgTable(
  "users",
  {
    id: uuid().primaryKey().defaultRandom(),
    name: text(),
    email: text().notNull().unique(),
    emailVerified: at("email_verified"),
    image: text(),
    /** Incremented by each change that this person's pages show; an open page with an older version reloads its data. */
    version: integer().notNull().default(0),
    /** Our clock: when the person asked to be deleted; done once SnapTrade has deleted its part. */
    deletionRequestedAt: at("deletion_requested_at"),
    /** Our clock: the deletion is not attempted before this. */
    deletionRunAt: at("deletion_run_at")
      .notNull()
      .default(sql`now()`),
    deletionAttempts: integer("deletion_attempts").notNull().default(0),
    deletionLastError: text("deletion_last_error"),
    /** Which e-mails about their connections they want: all, only the first about each break, or none. */
    mailPreference: text("mail_preference", { enum: ["all", "first", "none"] })
      .notNull()
      .default("all"),
    /** Minutes of their day between which no e-mail is sent; equal for no quiet hours. */
    quietFrom: integer("quiet_from").notNull().default(1320),
    quietTo: integer("quiet_to").notNull().default(480),
    /** IANA name, as their browser last reported it. */
    timeZone: text("time_zone").notNull().default("UTC"),
  },
  (table) => [
    index("users_deletions")
      .on(table.deletionRunAt)
      .where(sql`${table.deletionRequestedAt} is not null`),
  ],
);

/** The owner column of everything that belongs to a person and is deleted with them. */
export const ofUser = () =>
  uuid("user_id")
    .notNull()
    .references(() => users.id, { onDelete: "cascade" });

/** SnapTrade's record of a person (FACTS 2) and when we last read their connections; times on our clock. */
export const snapTradeUsers = pgTable(
  "snaptrade_users",
  {
    userId: ofUser().primaryKey(),
    snapTradeUserId: text("snaptrade_user_id").notNull().unique(),
    sealedSecret: text("sealed_secret").notNull(),
    registeredAt: at("registered_at").notNull(),
    lookedAt: at("looked_at"),
    /** The newest look that failed since the last one that succeeded. */
    lookFailedAt: at("look_failed_at"),
    /** Something contradicts what we know: look again from then on. */
    lookDueAt: at("look_due_at"),
    /** When the timer wants to look again, by risk. */
    nextLookAt: at("next_look_at")
      .notNull()
      .default(sql`now()`),
    accountsLookedAt: at("accounts_looked_at"),
    /** SnapTrade's clock: when the stored accounts were requested. */
    accountsAskedAt: at("accounts_asked_at"),
    /** How many connections the last look found in a form we can't read. */
    unreadableConnections: integer("unreadable_connections").notNull().default(0),
    /** How often the person asked for a look since then, to keep it within bounds. */
    checks: integer().notNull().default(0),
    checksSince: at("checks_since"),
    /** How many times in a row SnapTrade refused this secret (1083); a successful look resets it. */
    refusals: integer().notNull().default(0),
    /** While it is refused: when to ask again without a person's click. */
    askAgainAt: at("ask_again_at"),
    /** SnapTrade deleted this user, or has refused their secret several times over minutes; a refusal may still end. */
    goneAt: at("gone_at"),
    goneWhy: text("gone_why", { enum: ["deleted", "refused"] }),
  },
  (table) => [
    index("snaptrade_users_next_look")
      .on(table.nextLookAt)
      .where(sql`${table.goneAt} is null`),
    index("snaptrade_users_stalest")
      .on(sql`greatest(${table.lookedAt}, ${table.lookFailedAt})`)
      .where(sql`${table.goneAt} is null`),
    index("snaptrade_users_look_due")
      .on(table.lookDueAt)
      .where(sql`${table.lookDueAt} is not null`),
    index("snaptrade_users_ask_again")
      .on(table.askAgainAt)
      .where(sql`${table.askAgainAt} is not null`),
  ],
);

export const brokerages = pgTable("brokerages", {
  id: uuid().primaryKey(),
  slug: text().notNull(),
  name: text().notNull(),
  logoUrl: text("logo_url"),
  enabled: boolean().notNull(),
  maintenance: boolean().notNull(),
  degraded: boolean().notNull(),
  allowsTrading: boolean("allows_trading").notNull().default(false),
  /** Signing in opens the brokerage's own window; null when not known. */
  opensWindow: boolean("opens_window"),
  observedAt: at("observed_at").notNull(),
  /** When GET /brokerages last named it; null when only a connection did. */
  listedAt: at("listed_at"),
});

/** The newest thing we know of each connection; written by lib/connections/observations/observe.ts alone. Times on SnapTrade's clock. */
export const connections = pgTable(
  "connections",
  {
    id: uuid().primaryKey(),
    userId: ofUser(),
    brokerageId: uuid("brokerage_id")
      .notNull()
      .references(() => brokerages.id),
    access: text({ enum: ["read", "trade"] }).notNull(),
    connectedSince: at("connected_since"),
    /** When SnapTrade first listed it; null for rows older than this column. */
    firstObservedAt: at("first_observed_at"),
    /** Our clock: since when SnapTrade has listed it in a form we can't read; null while we can. */
    unreadableSince: at("unreadable_since"),
    /** When SnapTrade last said that it changed. */
    updatedAt: at("updated_at"),
    /** The newest read alone, without events: when it was requested, and what it said. */
    readAt: at("read_at"),
    readState: text("read_state", { enum: ["enabled", "disabled", "deleted"] }),
    state: text({ enum: ["enabled", "disabled", "deleted"] }).notNull(),
    observedAt: at("observed_at").notNull(),
    disabledAt: at("disabled_at"),
    /** Our clock: when the person asked to remove it; null if they cancelled. */
    removalRequestedAt: at("removal_requested_at"),
    /** Our clock: when SnapTrade accepted the request; null while we don't know whether it received it. */
    removalAcceptedAt: at("removal_accepted_at"),
    /** Our clock: when SnapTrade was last asked, how many times, and when to ask again; null once we no longer do. */
    removalAskedAt: at("removal_asked_at"),
    removalAttempts: integer("removal_attempts").notNull().default(0),
    removalRunAt: at("removal_run_at"),
    removalLastError: text("removal_last_error"),
    /** Our clock: the person keeps this one beside a newer one at the same brokerage. */
    keptBesideAt: at("kept_beside_at"),
    /** The newest sign of life: a holdings update of one of its accounts (FACTS 6.2). */
    lastBeatAt: at("last_beat_at"),
    /** How many, and how long from one to the next as a rule; several within an hour count as one. */
    beats: integer().notNull().default(0),
    beatGapMs: integer("beat_gap_ms"),
  },
  (table) => [
    index().on(table.userId),
    index("connections_beating")
      .on(table.lastBeatAt)
      .where(sql`${table.state} = 'enabled'`),
    index("connections_removals")
      .on(table.removalRunAt)
      .where(sql`${table.removalRunAt} is not null and ${table.state} <> 'deleted'`),
  ],
);

/** Dated statements about a connection, equal neighbors collapsed; the connection row and the episodes are derived from these. */
export const observations = pgTable(
  "observations",
  {
    connectionId: uuid("connection_id")
      .notNull()
      .references(() => connections.id, { onDelete: "cascade" }),
    observedAt: at("observed_at").notNull(),
    /** For a read: when SnapTrade answered; observed_at is then the moment we asked. */
    answeredAt: at("answered_at"),
    state: text({ enum: ["enabled", "disabled", "deleted"] }).notNull(),
    /** When it broke, where the statement says so. */
    disabledAt: at("disabled_at"),
    source: text({ enum: ["webhook", "timer", "person", "portal"] }).notNull(),
    /** Our clock. */
    recordedAt: at("recorded_at").notNull(),
  },
  (table) => [primaryKey({ columns: [table.connectionId, table.observedAt, table.state] })],
);

/** From a break to its end. Times on SnapTrade's clock, except noticedAt. */
export const episodes = pgTable(
  "episodes",
  {
    id: uuid().primaryKey().defaultRandom(),
    connectionId: uuid("connection_id")
      .notNull()
      .references(() => connections.id, { onDelete: "cascade" }),
    brokeAt: at("broke_at").notNull(),
    noticedAt: at("noticed_at").notNull(),
    noticedBy: text("noticed_by", { enum: ["webhook", "timer", "person", "portal"] }).notNull(),
    endedAt: at("ended_at"),
    endedHow: text("ended_how", { enum: ["fixed", "deleted"] }),
  },
  (table) => [
    unique().on(table.connectionId, table.brokeAt),
    index().on(table.noticedAt),
    index().on(table.brokeAt),
    index().on(table.endedAt),
    uniqueIndex("episodes_one_open")
      .on(table.connectionId)
      .where(sql`${table.endedAt} is null`),
    check(
      "episodes_end",
      sql`(${table.endedAt} is null) = (${table.endedHow} is null) and (${table.endedAt} is null or ${table.endedAt} >= ${table.brokeAt})`,
    ),
  ],
);

/** Accounts as people know them; never more of a number than its last four characters. */
export const brokerageAccounts = pgTable(
  "brokerage_accounts",
  {
    id: uuid().primaryKey(),
    connectionId: uuid("connection_id")
      .notNull()
      .references(() => connections.id, { onDelete: "cascade" }),
    /** The brokerage's own id of the account, if SnapTrade knows it; it survives a new connection. */
    institutionAccountId: text("institution_account_id"),
    name: text().notNull(),
    lastDigits: text("last_digits"),
    holdingsAt: at("holdings_at"),
    /** SnapTrade's clock: when a list of accounts first lacked it; null while it is shared. */
    missingSince: at("missing_since"),
  },
  (table) => [index().on(table.connectionId), check("brokerage_accounts_masked", sql`length(${table.lastDigits}) <= 4`)],
);

/** One person's way through all their broken connections; kept here so that it resumes after a reload and on another device. */
export const reconnectQueues = pgTable(
  "reconnect_queues",
  {
    id: uuid().primaryKey().defaultRandom(),
    userId: ofUser(),
    connectionIds: uuid("connection_ids").array().notNull(),
    skippedIds: uuid("skipped_ids").array().notNull().default([]),
    startedAt: at("started_at").notNull(),
  },
  (table) => [index().on(table.userId)],
);

/** One trip to the Connection Portal. The login link itself is never stored. */
export const portalSessions = pgTable(
  "portal_sessions",
  {
    id: uuid().primaryKey().defaultRandom(),
    userId: ofUser(),
    intent: text({ enum: ["connect", "reconnect"] }).notNull(),
    /** The connection to repair, or the one that was made. */
    connectionId: uuid("connection_id").references(() => connections.id, { onDelete: "cascade" }),
    brokerageId: uuid("brokerage_id").references(() => brokerages.id),
    queueId: uuid("queue_id").references(() => reconnectQueues.id, { onDelete: "set null" }),
    /** Through the reconnect of a connection that works: to renew it before it stops, or to allow trading. */
    wish: text({ enum: ["renew", "trade"] }),
    /** SnapTrade's id of its session, for its support team. */
    snapTradeSessionId: text("snaptrade_session_id"),
    /** Our clock. */
    startedAt: at("started_at").notNull(),
    /** SnapTrade's clock: the Date of its answer with the login link. */
    openedAt: at("opened_at"),
    /** Our clock: when its page last showed a sign of the person; without one for a while, the visit counts as over. */
    activeAt: at("active_at").notNull().defaultNow(),
    /** Our clock: when the browser said that the visit was over. */
    leftAt: at("left_at"),
    claim: jsonb().$type<{ status: "SUCCESS" | "ERROR" | "ABANDONED" | "UNKNOWN"; code: string | null }>(),
    /** Our clock. */
    claimedAt: at("claimed_at"),
    /** SnapTrade's result for the newest sign-in of this visit. */
    attemptResult: text("attempt_result"),
    outcome: text({ enum: ["fixed", "connected", "failed", "replaced", "not-opened"] }),
    endedAt: at("ended_at"),
  },
  (table) => [
    index().on(table.userId),
    index().on(table.connectionId),
    index("portal_sessions_open")
      .on(table.activeAt)
      .where(sql`${table.outcome} is null`),
  ],
);
