import { sql } from "drizzle-orm";
import { index, pgTable, text, uuid } from "drizzle-orm/pg-core";
import { at, oneOf } from "./columns";
import { brokerages, connections } from "./connections";
import { fixSessions } from "./fix-sessions";
import { ofUser } from "./users";

const intents = ["connect", "reconnect", "renew", "allow-trading"] as const;
const reportedStatuses = ["SUCCESS", "ERROR", "ABANDONED", "UNKNOWN"] as const;
const outcomes = ["fixed", "connected", "failed", "replaced", "not-opened"] as const;

/**
 * A person's queue of broken connections to reconnect; stored so that it resumes after a reload or on another
 * device.
 */
export const reconnectQueues = pgTable(
  "reconnect_queues",
  {
    id: uuid().primaryKey().defaultRandom(),
    userId: ofUser(),
    connectionIds: uuid("connection_ids").array().notNull(),
    skippedIds: uuid("skipped_ids").array().notNull().default([]),
    startedAt: at("started_at").notNull(),
  },
  (table) => [index().on(table.userId), index().on(table.startedAt)],
);

/** One visit to the Connection Portal. The login link itself is never stored. */
export const portalSessions = pgTable(
  "portal_sessions",
  {
    id: uuid().primaryKey().defaultRandom(),
    userId: ofUser(),
    intent: text({ enum: intents }).notNull(),
    /** The connection being repaired, or the new one that was made. */
    connectionId: uuid("connection_id").references(() => connections.id, { onDelete: "cascade" }),
    brokerageId: uuid("brokerage_id").references(() => brokerages.id),
    queueId: uuid("queue_id").references(() => reconnectQueues.id, { onDelete: "set null" }),
    /** The link that led here; null for a click on our other pages. */
    fixSessionId: uuid("fix_session_id").references(() => fixSessions.id, { onDelete: "set null" }),
    /** SnapTrade's own session id, for its support team. */
    snapTradeSessionId: text("snaptrade_session_id"),
    /** Our clock. */
    startedAt: at("started_at").notNull(),
    /** SnapTrade's clock: the Date of the response with the login link. */
    openedAt: at("opened_at"),
    /**
     * Our clock: when its page last showed activity; after a while without any, the session counts as over.
     */
    activeAt: at("active_at").notNull().defaultNow(),
    /** Our clock: when the browser reported that the session was over. */
    leftAt: at("left_at"),
    /** What the browser reported; only a hint. */
    reportedStatus: text("reported_status", { enum: reportedStatuses }),
    reportedCode: text("reported_code"),
    /** Our clock. */
    reportedAt: at("reported_at"),
    /** SnapTrade's result for the newest sign-in of this session (docs/snaptrade.md §6.4). */
    signInResult: text("sign_in_result"),
    outcome: text({ enum: outcomes }),
    endedAt: at("ended_at"),
  },
  (table) => [
    oneOf("portal_sessions_intent", table.intent, intents),
    oneOf("portal_sessions_reported_status", table.reportedStatus, reportedStatuses),
    oneOf("portal_sessions_outcome", table.outcome, outcomes),
    index().on(table.userId),
    index().on(table.connectionId),
    index().on(table.brokerageId),
    index().on(table.queueId),
    index("portal_sessions_by_link")
      .on(table.fixSessionId)
      .where(sql`${table.fixSessionId} is not null`),
    index("portal_sessions_open")
      .on(table.activeAt)
      .where(sql`${table.outcome} is null`),
    index("portal_sessions_in_vain")
      .on(table.endedAt)
      .where(sql`${table.outcome} in ('failed', 'replaced', 'not-opened')`),
  ],
);
