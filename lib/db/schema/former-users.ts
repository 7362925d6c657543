import { sql } from "drizzle-orm";
import { index, integer, pgTable, text, uuid } from "drizzle-orm/pg-core";
import { at, oneOf } from "./columns";
import { ofUser } from "./users";

const reasons = ["registering", "surplus", "refused", "deleted", "account-deleted", "kept"] as const;

/**
 * SnapTrade users that belong to no one anymore, or not yet. Each must be deleted at SnapTrade, because it is
 * billed and holds data. Rows stay for months after the deletion, so that late events can be matched. Times
 * are on our clock.
 */
export const formerSnapTradeUsers = pgTable(
  "former_snaptrade_users",
  {
    snapTradeUserId: text("snaptrade_user_id").primaryKey(),
    userId: ofUser(),
    /**
     * "registering": the id was sent to SnapTrade, and the result is not known yet. "kept": the company keeps
     * using it, so it is never deleted there and counts as deleted here.
     */
    why: text({ enum: reasons }).notNull(),
    since: at("since").notNull(),
    /** The connections that this user had when it was replaced; they are deleted with it. */
    connectionIds: uuid("connection_ids").array().notNull().default([]),
    attempts: integer().notNull().default(0),
    runAt: at("run_at").notNull(),
    /** When SnapTrade queued the deletion. */
    acceptedAt: at("accepted_at"),
    lastError: text("last_error"),
    /** When SnapTrade confirmed the deletion. */
    deletedAt: at("deleted_at"),
  },
  (table) => [
    oneOf("former_snaptrade_users_why", table.why, reasons),
    index("former_snaptrade_users_due")
      .on(table.runAt)
      .where(sql`${table.deletedAt} is null`),
    index("former_snaptrade_users_deleted")
      .on(table.deletedAt)
      .where(sql`${table.deletedAt} is not null`),
    index().on(table.userId),
  ],
);
