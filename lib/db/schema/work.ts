import { sql } from "drizzle-orm";
import { bigint, bigserial, boolean, check, index, integer, jsonb, pgTable, text } from "drizzle-orm/pg-core";
import { at } from "./columns";

// The server's own bookkeeping; none of it belongs to a person.

/**
 * Every request to SnapTrade in the last few minutes, from any process. All times here and in the limits are
 * on the database's clock.
 */
export const snapTradeCalls = pgTable(
  "snaptrade_calls",
  {
    id: bigserial({ mode: "number" }).primaryKey(),
    at: at("at").notNull(),
    background: boolean().notNull(),
    /**
     * Who is charged: the SnapTrade user, or our person before there is one; null for calls not tied to a
     * person.
     */
    person: text(),
    /** Null while it is in flight, and permanently if its answer was lost. */
    answeredAt: at("answered_at"),
  },
  (table) => [index().on(table.at)],
);

/**
 * How much of each limit is used (lib/limits.ts), on our clock. A row whose time has passed limits nothing;
 * each new row deletes some of those.
 */
export const rateLimits = pgTable(
  "rate_limits",
  {
    /** A keyed hash of the limit and its subject. */
    key: text().primaryKey(),
    /** When everything granted so far would be used up at an even pace. */
    freeAt: at("free_at").notNull(),
  },
  (table) => [index().on(table.freeAt)],
);

/** What SnapTrade last reported about our rate limit; one row. */
export const snapTradeLimits = pgTable(
  "snaptrade_limits",
  {
    id: integer().primaryKey(),
    /** Incremented by each admission, so that two processes never count the same slot twice. */
    sequence: bigint({ mode: "number" }).notNull().default(0),
    perMinute: integer("per_minute").notNull(),
    /**
     * Until when a reported `perMinute` counts; after that the documented default applies. Null never
     * expires.
     */
    perMinuteUntil: at("per_minute_until"),
    remaining: integer(),
    /** Until when `remaining` is meaningful. */
    remainingUntil: at("remaining_until"),
    /**
     * The call whose answer reported it, and when; calls in flight then, or started later, are counted on
     * top.
     */
    remainingCallId: bigint("remaining_call_id", { mode: "number" }),
    remainingHeardAt: at("remaining_heard_at"),
    /** After a 429: no request is sent before this. */
    blockedUntil: at("blocked_until"),
    refusedAt: at("refused_at"),
    /** Consecutive refusals without a success in between. */
    refusals: integer().notNull().default(0),
  },
  (table) => [check("snaptrade_limits_one_row", sql`${table.id} = 1`)],
);

/** The timer's round, one at a time across all processes; one row. Our clock. */
export const rounds = pgTable(
  "rounds",
  {
    id: integer().primaryKey(),
    lockedUntil: at("locked_until").notNull(),
    fence: integer().notNull().default(0),
    /** Since when rounds have run without a gap. */
    upSince: at("up_since").notNull(),
    endedAt: at("ended_at"),
    /** Since when every round has run in shadow mode; null once one has run live. */
    shadowSince: at("shadow_since"),
    /** How many people have a working connection that we can look at, not counting `watched_changes`. */
    watched: integer().notNull().default(0),
    /** The report of the last finished round; /api/health reads nothing else. */
    report: jsonb().$type<RoundReport>(),
  },
  (table) => [check("rounds_one_row", sql`${table.id} = 1`)],
);

export interface RoundReport {
  /** The names of the steps that failed. */
  failed: string[];
  /** Waiting and dead webhook events, each counted up to a limit; null if they could not be counted. */
  events: { waiting: number; dead: number } | null;
  /** How long a break can go unnoticed at most if its webhook is lost; null if unknown. */
  lostBreakFoundWithinMinutes: number | null;
}
