import { sql } from "drizzle-orm";
import {
  bigserial,
  date,
  index,
  integer,
  pgTable,
  primaryKey,
  text,
  unique,
  uuid,
} from "drizzle-orm/pg-core";
import { at, oneOf } from "./columns";

const eventStates = ["waiting", "dead"] as const;
const eventOutcomes = [
  "applied",
  "looked",
  "noted",
  "kept",
  "unknown-user",
  "foreign-connection",
  "other-client",
] as const;

/** What SnapTrade reported. Fixed-width columns come first, which leaves no gaps in a row. */
const report = () => ({
  /** Our clock. */
  receivedAt: at("received_at").notNull(),
  /** SnapTrade's clock; null if the event has no time. */
  happenedAt: at("happened_at"),
  connectionId: uuid("connection_id"),
  brokerageId: uuid("brokerage_id"),
  attempts: integer().notNull().default(0),
  type: text().notNull(),
  snapTradeUserId: text("snaptrade_user_id"),
  clientId: text("client_id"),
  signInResult: text("sign_in_result"),
  payload: text().notNull(),
});

/**
 * The inbox: webhook events that are waiting to be processed or are dead, as SnapTrade signed them but
 * without the deprecated shared secret. A processed event moves to `webhook_events`, so this table and its
 * indexes stay small. `attempts` is also the fence: a worker can write only as long as no one else has
 * claimed its event.
 */
export const inboxEvents = pgTable(
  "inbox_events",
  {
    id: text().primaryKey(),
    ...report(),
    state: text({ enum: eventStates }).notNull().default("waiting"),
    /** Our clock: the event isn't claimed before this. */
    runAt: at("run_at").notNull(),
    /** Our clock: when the current lease ends; null while no worker holds the event. */
    lockedUntil: at("locked_until"),
    /** Why the last attempt failed, or why the event is unreadable. */
    lastError: text("last_error"),
  },
  (table) => [
    oneOf("inbox_events_state", table.state, eventStates),
    index("inbox_events_waiting")
      .on(table.runAt)
      .where(sql`${table.state} = 'waiting'`),
    // By person, so that people take turns. Excludes heartbeats, which are nearly all events.
    index("inbox_events_waiting_by_person")
      .on(sql`coalesce(${table.snapTradeUserId}, '')`, table.runAt)
      .where(sql`${table.state} = 'waiting' and ${table.type} <> 'ACCOUNT_HOLDINGS_UPDATED'`),
    index("inbox_events_dead")
      .on(table.receivedAt)
      .where(sql`${table.state} = 'dead'`),
    index().on(table.snapTradeUserId),
    index("inbox_events_no_user")
      .on(table.connectionId)
      .where(sql`${table.snapTradeUserId} is null and ${table.connectionId} is not null`),
  ],
);

/**
 * Processed events, partitioned by the UTC day of `received_at` (lib/db/days.ts) and changed only to erase a
 * person. An event that isn't about any of our users is kept without its contents (emptiedEvent), and a
 * heartbeat without its payload. To find one by id, get its day from `webhook_event_ids`.
 */
export const webhookEvents = pgTable(
  "webhook_events",
  {
    id: text().notNull(),
    ...report(),
    outcome: text({ enum: eventOutcomes }).notNull(),
  },
  (table) => [
    oneOf("webhook_events_outcome", table.outcome, eventOutcomes),
    index("webhook_events_user")
      .on(table.snapTradeUserId)
      .where(sql`${table.snapTradeUserId} is not null`),
    index("webhook_events_no_user")
      .on(table.connectionId)
      .where(sql`${table.snapTradeUserId} is null and ${table.connectionId} is not null`),
    // Rows arrive in this order, so a summary per block is enough and costs next to nothing.
    index("webhook_events_received").using("brin", table.receivedAt),
  ],
);

/** The ids of recently received events, used to recognize copies; partitioned by day (lib/db/days.ts). */
export const webhookEventIds = pgTable(
  "webhook_event_ids",
  {
    id: text().notNull(),
    /** Our clock: the UTC day on which the event first arrived. */
    day: date().notNull(),
  },
  (table) => [primaryKey({ columns: [table.id, table.day] })],
);

/** Clears what could identify someone, for an event that isn't, or is no longer, about any of our users. */
export const emptiedEvent = { payload: "{}", snapTradeUserId: null, connectionId: null, signInResult: null };

/**
 * Webhooks on their way to the company's own listener, exactly as SnapTrade sent them (WEBHOOK_RELAY_URLS).
 * A row is deleted once it is delivered or given up. `attempts` is also the fence. Our clock.
 */
export const webhookRelays = pgTable(
  "webhook_relays",
  {
    id: bigserial({ mode: "number" }).primaryKey(),
    webhookId: text("webhook_id").notNull(),
    /** The SHA-256 of the address, which may contain a secret. */
    target: text().notNull(),
    /** The bytes and the signature, sealed, because they contain the deprecated shared secret. */
    sealed: text().notNull(),
    receivedAt: at("received_at").notNull(),
    attempts: integer().notNull().default(0),
    runAt: at("run_at").notNull(),
    lockedUntil: at("locked_until"),
    lastError: text("last_error"),
  },
  (table) => [
    unique("webhook_relays_once").on(table.webhookId, table.target),
    index("webhook_relays_due").on(table.target, table.runAt),
    index().on(table.receivedAt),
  ],
);
