import { sql } from "drizzle-orm";
import { bigserial, boolean, index, integer, pgTable, text, uuid } from "drizzle-orm/pg-core";
import { at } from "./at";

// What the server needs for its own work; none of it belongs to a person.

/**
 * The inbox: each webhook event once, for good, as SnapTrade signed it but without its old shared secret.
 * The number of attempts is also the fence: whoever took an event writes only while nobody took it again.
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
    attemptResult: text("attempt_result"),
    /** SnapTrade's clock; null when the event has no time. */
    happenedAt: at("happened_at"),
    payload: text().notNull(),
    /** Our clock. */
    receivedAt: at("received_at").notNull(),
    state: text({ enum: ["waiting", "done", "dead"] })
      .notNull()
      .default("waiting"),
    attempts: integer().notNull().default(0),
    /** Our clock: not to be taken before; also the end of the lease of whoever has it now. */
    nextAttemptAt: at("next_attempt_at").notNull(),
    outcome: text({ enum: ["applied", "looked", "noted", "kept", "unknown-user", "foreign-connection", "other-client"] }),
    /** Why the last attempt failed. */
    problem: text(),
  },
  (table) => [
    index("webhook_events_waiting")
      .on(table.nextAttemptAt)
      .where(sql`${table.state} = 'waiting'`),
    index().on(table.snapTradeUserId),
  ],
);

/** Every request to SnapTrade of the last minutes, whichever process made it; our clock. */
export const snapTradeCalls = pgTable(
  "snaptrade_calls",
  { id: bigserial({ mode: "number" }).primaryKey(), at: at("at").notNull(), background: boolean().notNull() },
  (table) => [index().on(table.at)],
);

/** Each sign-in e-mail of the last hour and the sender's network that asked for it, to keep them within bounds; our clock. */
export const signInMails = pgTable(
  "sign_in_mails",
  { id: bigserial({ mode: "number" }).primaryKey(), network: text().notNull(), requestedAt: at("requested_at").notNull() },
  (table) => [index().on(table.requestedAt), index().on(table.network, table.requestedAt)],
);

/** What SnapTrade last said of our rate limit; one row. Times on our clock. */
export const snapTradeLimits = pgTable("snaptrade_limits", {
  id: integer().primaryKey(),
  perMinute: integer("per_minute").notNull(),
  remaining: integer(),
  /** Until when `remaining` says something. */
  remainingUntil: at("remaining_until"),
  /** After a 429 nothing is sent before. */
  blockedUntil: at("blocked_until"),
});

/** The timer's round, one at a time whatever the number of processes; one row. Our clock. */
export const rounds = pgTable("rounds", {
  id: integer().primaryKey(),
  leasedUntil: at("leased_until").notNull(),
  fence: integer().notNull().default(0),
  /** Since when rounds follow one another without a gap. */
  upSince: at("up_since").notNull(),
  endedAt: at("ended_at"),
});
