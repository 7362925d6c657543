import { sql } from "drizzle-orm";
import {
  boolean,
  check,
  doublePrecision,
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
  /** Signing in opens the brokerage's own window (docs/snaptrade.md §4.7); null if unknown. */
  signInOpensPopup: boolean("sign_in_opens_popup"),
  observedAt: at("observed_at").notNull(),
  /** Incremented by each change that affects everyone with a connection there (lib/db/changes.ts). */
  version: integer().notNull().default(0),
  /** When GET /brokerages last listed it; null if we know it only from a connection. */
  listedAt: at("listed_at"),
});

/**
 * What we currently know about each connection; written only by lib/connections/observations/observe.ts.
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
    /** Our clock: since when SnapTrade has listed it in a form we can't read; null while we can read it. */
    unreadableSince: at("unreadable_since"),
    /** When SnapTrade last reported a change to it. */
    updatedAt: at("updated_at"),
    /** The newest read, ignoring events: when it was requested and what it returned. */
    readAt: at("read_at"),
    readState: text("read_state", { enum: states }),
    state: text({ enum: states }).notNull(),
    observedAt: at("observed_at").notNull(),
    disabledAt: at("disabled_at"),
    /** Our clock: when the person asked to remove it; null if they canceled. */
    removalRequestedAt: at("removal_requested_at"),
    /** Our clock: when SnapTrade accepted the removal; null until we know that it did. */
    removalAcceptedAt: at("removal_accepted_at"),
    /**
     * Our clock: the last removal request, how many there were, and when to send the next; null if none is
     * planned.
     */
    removalAskedAt: at("removal_asked_at"),
    removalAttempts: integer("removal_attempts").notNull().default(0),
    removalRunAt: at("removal_run_at"),
    removalLastError: text("removal_last_error"),
    /**
     * Our clock: since when the person has kept this connection alongside a newer one at the same brokerage.
     */
    keptBothSince: at("kept_both_since"),
    /**
     * The database's clock: when it last changed in what the company's servers follow. Only a trigger writes it
     * (drizzle/*_changed_at.sql).
     */
    changedAt: at("changed_at")
      .notNull()
      .default(sql`now()`),
    /** The sign-in after which connection.expiring was recorded; each is announced once. */
    expiringSince: at("expiring_since"),
    /** The newest heartbeat: a holdings update of one of its accounts (docs/snaptrade.md §6.5). */
    lastHeartbeatAt: at("last_heartbeat_at"),
    /**
     * How many heartbeats there were, and the usual gap between them; several within an hour count as one.
     */
    heartbeats: integer().notNull().default(0),
    heartbeatGapMs: integer("heartbeat_gap_ms"),
    /**
     * When it starts to count as silent unless a heartbeat comes (silentAt in lib/reconcile/policy.ts); null
     * if it has no rhythm yet. Computed in UTC, because only that is the same in every session.
     */
    silentAt: at("silent_at").generatedAlwaysAs(
      sql`case when heartbeats >= 3 then (last_heartbeat_at at time zone 'UTC' + heartbeat_gap_ms * 1.25 * interval '1 millisecond' + interval '1 hour') at time zone 'UTC' end`,
    ),
  },
  (table) => [
    oneOf("connections_access", table.access, accesses),
    oneOf("connections_state", table.state, states),
    oneOf("connections_read_state", table.readState, states),
    index().on(table.userId),
    index().on(table.brokerageId),
    index().on(table.changedAt, table.id),
    index().on(table.state, table.changedAt, table.id),
    // An answer about a connection removes it from the index, so silent ones don't pile up.
    index("connections_silent")
      .on(table.silentAt)
      .where(sql`${table.state} = 'enabled' and ${table.observedAt} < ${table.silentAt}`),
    index("connections_removals")
      .on(table.removalRunAt)
      .where(sql`${table.removalRunAt} is not null and ${table.state} <> 'deleted'`),
  ],
);

/**
 * Dated statements about a connection, with equal neighbors merged; connections and episodes are derived from
 * these.
 */
export const observations = pgTable(
  "observations",
  {
    connectionId: uuid("connection_id")
      .notNull()
      .references(() => connections.id, { onDelete: "cascade" }),
    observedAt: at("observed_at").notNull(),
    /** For a read: when SnapTrade answered; observed_at is then when we asked. */
    answeredAt: at("answered_at"),
    state: text({ enum: states }).notNull(),
    /** When it broke, if the statement says so. */
    disabledAt: at("disabled_at"),
    source: text({ enum: sources }).notNull(),
    /** Our clock. */
    recordedAt: at("recorded_at").notNull(),
    /** Recorded by a process in shadow mode. */
    inShadow: boolean("in_shadow").notNull().default(false),
  },
  (table) => [
    primaryKey({ columns: [table.connectionId, table.observedAt, table.state] }),
    oneOf("observations_state", table.state, states),
    oneOf("observations_source", table.source, sources),
  ],
);

/** One connection, from a break to its end. Times on SnapTrade's clock, except noticedAt. */
export const episodes = pgTable(
  "episodes",
  {
    id: uuid().primaryKey().defaultRandom(),
    connectionId: uuid("connection_id")
      .notNull()
      .references(() => connections.id, { onDelete: "cascade" }),
    /**
     * Copied from the connection, where neither changes, so that a brokerage's breaks are one index range.
     */
    brokerageId: uuid("brokerage_id").notNull(),
    userId: uuid("user_id").notNull(),
    brokeAt: at("broke_at").notNull(),
    /** Days from the last sign-in to the break (livedDays in observations/lifetimes.ts); null if unknown. */
    livedDays: doublePrecision("lived_days"),
    noticedAt: at("noticed_at").notNull(),
    noticedBy: text("noticed_by", { enum: sources }).notNull(),
    endedAt: at("ended_at"),
    endedHow: text("ended_how", { enum: ends }),
    /**
     * Noticed in shadow mode: nobody is ever notified of it, and it is in the shadow report
     * (docs/decisions/0023-shadow-mode.md).
     */
    inShadow: boolean("in_shadow").notNull().default(false),
  },
  (table) => [
    oneOf("episodes_noticed_by", table.noticedBy, sources),
    oneOf("episodes_ended_how", table.endedHow, ends),
    unique().on(table.connectionId, table.brokeAt),
    index().on(table.noticedAt),
    index("episodes_in_shadow")
      .on(table.noticedAt, table.id)
      .where(sql`${table.inShadow}`),
    index("episodes_breaks").on(table.brokerageId, table.brokeAt, table.userId),
    index("episodes_lifetimes")
      .on(table.brokerageId, table.brokeAt, table.livedDays)
      .where(sql`${table.livedDays} > 0`),
    index("episodes_repairs")
      .on(table.brokerageId, table.endedAt)
      .where(sql`${table.endedHow} = 'fixed'`),
    uniqueIndex("episodes_one_open")
      .on(table.connectionId)
      .where(sql`${table.endedAt} is null`),
    check(
      "episodes_end",
      sql`(${table.endedAt} is null) = (${table.endedHow} is null) and (${table.endedAt} is null or ${table.endedAt} >= ${table.brokeAt})`,
    ),
  ],
);

/** Accounts as people know them; of a number, only the last four characters are ever stored. */
export const brokerageAccounts = pgTable(
  "brokerage_accounts",
  {
    id: uuid().primaryKey(),
    connectionId: uuid("connection_id")
      .notNull()
      .references(() => connections.id, { onDelete: "cascade" }),
    /**
     * The brokerage's own id for the account, if SnapTrade knows it; it stays the same in a new connection.
     */
    institutionAccountId: text("institution_account_id"),
    name: text().notNull(),
    lastDigits: text("last_digits"),
    holdingsAt: at("holdings_at"),
    /** SnapTrade's clock: when a list of accounts first lacked it; null while it is listed. */
    missingSince: at("missing_since"),
  },
  (table) => [
    index().on(table.connectionId),
    check("brokerage_accounts_masked", sql`length(${table.lastDigits}) <= 4`),
  ],
);
