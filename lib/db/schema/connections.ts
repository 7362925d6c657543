import { sql } from "drizzle-orm";
import {
  boolean,
  check,
  index,
  integer,
  pgTable,
  primaryKey,
  text,
  unique,
  uniqueIndex,
  uuid,
} from "drizzle-orm/pg-core";
import { at, oneOf } from "./columns";
import { ofUser } from "./users";

const accesses = ["read", "trade"] as const;
const states = ["enabled", "disabled", "deleted"] as const;
const sources = ["webhook", "timer", "person", "portal"] as const;
const ends = ["fixed", "deleted"] as const;

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
  signInOpensPopup: boolean("sign_in_opens_popup"),
  observedAt: at("observed_at").notNull(),
  /** When GET /brokerages last named it; null when only a connection did. */
  listedAt: at("listed_at"),
});

/**
 * The newest thing we know of each connection; written by lib/connections/observations/observe.ts alone.
 * Times on SnapTrade's clock.
 */
export const connections = pgTable(
  "connections",
  {
    id: uuid().primaryKey(),
    userId: ofUser(),
    brokerageId: uuid("brokerage_id")
      .notNull()
      .references(() => brokerages.id),
    access: text({ enum: accesses }).notNull(),
    connectedSince: at("connected_since"),
    /** When SnapTrade first listed it; null for rows older than this column. */
    firstObservedAt: at("first_observed_at"),
    /** Our clock: since when SnapTrade has listed it in a form we can't read; null while we can. */
    unreadableSince: at("unreadable_since"),
    /** When SnapTrade last said that it changed. */
    updatedAt: at("updated_at"),
    /** The newest read alone, without events: when it was requested, and what it said. */
    readAt: at("read_at"),
    readState: text("read_state", { enum: states }),
    state: text({ enum: states }).notNull(),
    observedAt: at("observed_at").notNull(),
    disabledAt: at("disabled_at"),
    /** Our clock: when the person asked to remove it; null if they cancelled. */
    removalRequestedAt: at("removal_requested_at"),
    /** Our clock: when SnapTrade accepted the request; null while we don't know whether it received it. */
    removalAcceptedAt: at("removal_accepted_at"),
    /**
     * Our clock: when SnapTrade was last asked, how many times, and when to ask again; null once we no longer
     * do.
     */
    removalAskedAt: at("removal_asked_at"),
    removalAttempts: integer("removal_attempts").notNull().default(0),
    removalRunAt: at("removal_run_at"),
    removalLastError: text("removal_last_error"),
    /** Our clock: the person keeps this one beside a newer one at the same brokerage. */
    keptBothSince: at("kept_both_since"),
    /** The newest sign of life: a holdings update of one of its accounts (docs/snaptrade.md §6.5). */
    lastHeartbeatAt: at("last_heartbeat_at"),
    /** How many, and how long from one to the next as a rule; several within an hour count as one. */
    heartbeats: integer().notNull().default(0),
    heartbeatGapMs: integer("heartbeat_gap_ms"),
  },
  (table) => [
    oneOf("connections_access", table.access, accesses),
    oneOf("connections_state", table.state, states),
    oneOf("connections_read_state", table.readState, states),
    index().on(table.userId),
    index().on(table.brokerageId),
    index("connections_heartbeats")
      .on(table.lastHeartbeatAt)
      .where(sql`${table.state} = 'enabled'`),
    index("connections_removals")
      .on(table.removalRunAt)
      .where(sql`${table.removalRunAt} is not null and ${table.state} <> 'deleted'`),
  ],
);

/**
 * Dated statements about a connection, equal neighbors collapsed; the connection row and the episodes are
 * derived from these.
 */
export const observations = pgTable(
  "observations",
  {
    connectionId: uuid("connection_id")
      .notNull()
      .references(() => connections.id, { onDelete: "cascade" }),
    observedAt: at("observed_at").notNull(),
    /** For a read: when SnapTrade answered; observed_at is then the moment we asked. */
    answeredAt: at("answered_at"),
    state: text({ enum: states }).notNull(),
    /** When it broke, where the statement says so. */
    disabledAt: at("disabled_at"),
    source: text({ enum: sources }).notNull(),
    /** Our clock. */
    recordedAt: at("recorded_at").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.connectionId, table.observedAt, table.state] }),
    oneOf("observations_state", table.state, states),
    oneOf("observations_source", table.source, sources),
  ],
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
    noticedBy: text("noticed_by", { enum: sources }).notNull(),
    endedAt: at("ended_at"),
    endedHow: text("ended_how", { enum: ends }),
  },
  (table) => [
    oneOf("episodes_noticed_by", table.noticedBy, sources),
    oneOf("episodes_ended_how", table.endedHow, ends),
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
  (table) => [
    index().on(table.connectionId),
    check("brokerage_accounts_masked", sql`length(${table.lastDigits}) <= 4`),
  ],
);
