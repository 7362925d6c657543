import { sql } from "drizzle-orm";
import {
  bigint,
  bigserial,
  index,
  integer,
  jsonb,
  pgSequence,
  pgTable,
  primaryKey,
  text,
  unique,
  uuid,
} from "drizzle-orm/pg-core";
import { at, oneOf } from "./columns";
import { users } from "./users";

/** The types of events that the company's servers receive (docs/events.md). */
export const eventTypes = [
  "connection.added",
  "connection.needs_owner",
  "connection.fixed",
  "connection.expiring",
  "connection.removed",
  "sign_in.failed",
  "user.gone",
  "fix_session.completed",
] as const;
const deliveryStates = ["waiting", "dead"] as const;

/** Gives events their places in the stream, one publisher at a time. */
export const eventPositions = pgSequence("event_positions");

/**
 * What happened, for the company's servers. Recorded in the transaction that causes it, and published in a
 * fixed order soon after (docs/decisions/0020-events-out.md).
 */
export const events = pgTable(
  "events",
  {
    id: uuid().primaryKey().defaultRandom(),
    /**
     * The order of recording. Of events about one connection, it is the order in which they happened,
     * because the connection is locked meanwhile; a transaction may commit after one with higher numbers.
     */
    recorded: bigserial({ mode: "number" }).notNull(),
    /** The place in the stream; null until published. Readers never see a lower one appear later. */
    position: bigint({ mode: "number" }),
    type: text({ enum: eventTypes }).notNull(),
    /** Null once the person is deleted; then only its place is left (lib/events/erase.ts). */
    userId: uuid("user_id").references(() => users.id, { onDelete: "cascade" }),
    connectionId: uuid("connection_id"),
    /** When it happened. */
    at: at("at").notNull(),
    data: jsonb().$type<Record<string, unknown>>().notNull(),
    /** The database's clock. */
    recordedAt: at("recorded_at").notNull().defaultNow(),
  },
  (table) => [
    oneOf("events_type", table.type, eventTypes),
    unique("events_position").on(table.position),
    index("events_unpublished")
      .on(table.recorded)
      .where(sql`${table.position} is null`),
    // The stream without what is left of deleted people's events, however many those are.
    index("events_listed")
      .on(table.position)
      .where(sql`${table.userId} is not null`),
    index().on(table.userId),
    index().on(table.recordedAt),
  ],
);

/** Where events are delivered. Secrets are sealed; `null` types stand for all of them. Our clock. */
export const eventEndpoints = pgTable("event_endpoints", {
  id: uuid().primaryKey().defaultRandom(),
  url: text().notNull().unique(),
  sealedSecret: text("sealed_secret").notNull(),
  /** Also signs until `previousUntil`, while the receiver changes to the new one. */
  sealedPrevious: text("sealed_previous"),
  previousUntil: at("previous_until"),
  /** Those before the previous one; they sign until then, too, because the receiver may know any of them. */
  sealedOlder: text("sealed_older")
    .array()
    .notNull()
    .default(sql`'{}'`),
  types: text({ enum: eventTypes }).array(),
  createdAt: at("created_at").notNull(),
  /** Since when every attempt has failed; null if the last one succeeded. */
  failingSince: at("failing_since"),
  lastError: text("last_error"),
  /** Since when nothing is sent, because everything had failed for too long. */
  pausedAt: at("paused_at"),
});

/**
 * Events on their way to one endpoint: waiting, or dead after the last attempt. A delivered one is deleted, so
 * this table stays small. `attempts` is also the fence: a worker can write only as long as no one else has
 * claimed its delivery. Our clock.
 */
export const eventDeliveries = pgTable(
  "event_deliveries",
  {
    eventId: uuid("event_id")
      .notNull()
      .references(() => events.id, { onDelete: "cascade" }),
    endpointId: uuid("endpoint_id")
      .notNull()
      .references(() => eventEndpoints.id, { onDelete: "cascade" }),
    /** The connection, or the person if it is about none: events of one line are delivered one by one. */
    line: uuid().notNull(),
    /** Copied from the event. */
    position: bigint({ mode: "number" }).notNull(),
    state: text({ enum: deliveryStates }).notNull().default("waiting"),
    attempts: integer().notNull().default(0),
    runAt: at("run_at").notNull(),
    lockedUntil: at("locked_until"),
    lastError: text("last_error"),
  },
  (table) => [
    primaryKey({ columns: [table.eventId, table.endpointId] }),
    oneOf("event_deliveries_state", table.state, deliveryStates),
    index("event_deliveries_due")
      .on(table.endpointId, table.runAt)
      .where(sql`${table.state} = 'waiting'`),
    index("event_deliveries_line")
      .on(table.endpointId, table.line, table.position)
      .where(sql`${table.state} = 'waiting'`),
    index("event_deliveries_dead")
      .on(table.endpointId)
      .where(sql`${table.state} = 'dead'`),
  ],
);
