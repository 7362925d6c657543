import { sql } from "drizzle-orm";
import {
  bigint,
  bigserial,
  boolean,
  check,
  index,
  integer,
  jsonb,
  pgTable,
  text,
  uuid,
} from "drizzle-orm/pg-core";
import { at, oneOf } from "./columns";

const eventStates = ["waiting", "done", "dead"] as const;
const eventOutcomes = [
  "applied",
  "looked",
  "noted",
  "kept",
  "unknown-user",
  "foreign-connection",
  "other-client",
  "unreadable",
] as const;

// What the server needs for its own work; none of it belongs to a person.

/**
 * The inbox: each webhook event once, for good, as SnapTrade signed it but without its old shared secret. Of
 * an event about nobody of ours only the id stays once it is processed (emptiedEvent). The number of attempts
 * is also the fence: a worker writes only while no one has taken its event again.
 */
export const webhookEvents = pgTable(
  "webhook_events",
  {
    id: text().primaryKey(),
    type: text().notNull(),
    snapTradeUserId: text("snaptrade_user_id"),
    clientId: text("client_id"),
    connectionId: uuid("connection_id"),
    brokerageId: uuid("brokerage_id"),
    signInResult: text("sign_in_result"),
    /** SnapTrade's clock; null when the event has no time. */
    happenedAt: at("happened_at"),
    payload: text().notNull(),
    /** Our clock. */
    receivedAt: at("received_at").notNull(),
    state: text({ enum: eventStates }).notNull().default("waiting"),
    attempts: integer().notNull().default(0),
    /** Our clock: not to be taken before this. */
    runAt: at("run_at").notNull(),
    /** Our clock: when the current lease ends; null while no worker holds the event. */
    lockedUntil: at("locked_until"),
    outcome: text({ enum: eventOutcomes }),
    /** Why the last attempt failed, or why it is unreadable. */
    lastError: text("last_error"),
  },
  (table) => [
    oneOf("webhook_events_state", table.state, eventStates),
    oneOf("webhook_events_outcome", table.outcome, eventOutcomes),
    index("webhook_events_waiting")
      .on(table.runAt)
      .where(sql`${table.state} = 'waiting'`),
    // By person, so that people take turns; heartbeats, nearly all of the events, are left out.
    index("webhook_events_waiting_by_person")
      .on(sql`coalesce(${table.snapTradeUserId}, '')`, table.runAt)
      .where(sql`${table.state} = 'waiting' and ${table.type} <> 'ACCOUNT_HOLDINGS_UPDATED'`),
    index("webhook_events_dead")
      .on(table.receivedAt)
      .where(sql`${table.state} = 'dead'`),
    index().on(table.snapTradeUserId),
    index("webhook_events_no_user")
      .on(table.connectionId)
      .where(sql`${table.snapTradeUserId} is null and ${table.connectionId} is not null`),
  ],
);

/**
 * What is left of an event about nobody of ours, or no longer: the id recognizes a late copy, and the rest
 * names no one.
 */
export const emptiedEvent = {
  payload: "{}",
  snapTradeUserId: null,
  connectionId: null,
  signInResult: null,
  lastError: null,
};

/**
 * Every request to SnapTrade in the last minutes, from any process. All times here and in the limits are on
 * the database's clock.
 */
export const snapTradeCalls = pgTable(
  "snaptrade_calls",
  {
    id: bigserial({ mode: "number" }).primaryKey(),
    at: at("at").notNull(),
    background: boolean().notNull(),
    /**
     * Whom it is charged to: the SnapTrade user, or our person before there is one; null for calls not tied
     * to a person.
     */
    person: text(),
    /** Null while it is in flight, and for good if its answer was lost. */
    answeredAt: at("answered_at"),
  },
  (table) => [index().on(table.at)],
);

/** Each sign-in e-mail of the last hour and the network that requested it, for rate limits; our clock. */
export const signInMails = pgTable(
  "sign_in_mails",
  {
    id: bigserial({ mode: "number" }).primaryKey(),
    network: text().notNull(),
    requestedAt: at("requested_at").notNull(),
  },
  (table) => [index().on(table.requestedAt), index().on(table.network, table.requestedAt)],
);

/** What SnapTrade last said about our rate limit; one row. */
export const snapTradeLimits = pgTable(
  "snaptrade_limits",
  {
    id: integer().primaryKey(),
    /** Incremented by each admission, so that two processes never count the same slot twice. */
    sequence: bigint({ mode: "number" }).notNull().default(0),
    perMinute: integer("per_minute").notNull(),
    /**
     * Until when a reported `perMinute` counts; the documented default applies after that. Null never
     * expires.
     */
    perMinuteUntil: at("per_minute_until"),
    remaining: integer(),
    /** Until when `remaining` says something. */
    remainingUntil: at("remaining_until"),
    /** The call whose answer reported it, and when; calls in flight then, or started later, count on top. */
    remainingCallId: bigint("remaining_call_id", { mode: "number" }),
    remainingHeardAt: at("remaining_heard_at"),
    /** After a 429 nothing is sent before. */
    blockedUntil: at("blocked_until"),
    refusedAt: at("refused_at"),
    /** Consecutive refusals without a success in between. */
    refusals: integer().notNull().default(0),
  },
  (table) => [check("snaptrade_limits_one_row", sql`${table.id} = 1`)],
);

/** The timer's round, one at a time whatever the number of processes; one row. Our clock. */
export const rounds = pgTable(
  "rounds",
  {
    id: integer().primaryKey(),
    lockedUntil: at("locked_until").notNull(),
    fence: integer().notNull().default(0),
    /** Since when rounds follow one another without a gap. */
    upSince: at("up_since").notNull(),
    endedAt: at("ended_at"),
    /** The report of the last round that finished, for /api/health, which reads nothing else. */
    report: jsonb().$type<RoundReport>(),
  },
  (table) => [check("rounds_one_row", sql`${table.id} = 1`)],
);

export interface RoundReport {
  /** The steps that failed, by name. */
  failed: string[];
  /** Webhook events waiting and given up; each counted up to a limit, null when they could not be counted. */
  events: { waiting: number; dead: number } | null;
  /** The longest a break goes unnoticed if its webhook is lost; null when unknown. */
  lostBreakFoundWithinMinutes: number | null;
}
