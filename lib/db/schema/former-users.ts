import { sql } from "drizzle-orm";
import { index, integer, pgTable, text, uuid } from "drizzle-orm/pg-core";
import { at, oneOf } from "./columns";
import { ofUser } from "./users";

const reasons = ["registering", "surplus", "refused", "deleted", "account-deleted"] as const;

/**
 * SnapTrade users that no longer belong to anyone, or don't yet: each must be deleted at SnapTrade, since it
 * costs money and holds data. The rows stay until the person is deleted, so that late events can still be
 * matched to them. Times on our clock.
 */
export const formerSnapTradeUsers = pgTable(
  "former_snaptrade_users",
  {
    snapTradeUserId: text("snaptrade_user_id").primaryKey(),
    userId: ofUser(),
    /** "registering": the id was sent to SnapTrade, and the result is not known yet. */
    why: text({ enum: reasons }).notNull(),
    since: at("since").notNull(),
    /** The connections this user had when it was replaced; they are deleted with it. */
    connectionIds: uuid("connection_ids").array().notNull().default([]),
    attempts: integer().notNull().default(0),
    runAt: at("run_at").notNull(),
    /** SnapTrade has queued the deletion. */
    acceptedAt: at("accepted_at"),
    lastError: text("last_error"),
    /** SnapTrade has confirmed it. */
    deletedAt: at("deleted_at"),
  },
  (table) => [
    oneOf("former_snaptrade_users_why", table.why, reasons),
    index("former_snaptrade_users_due")
      .on(table.runAt)
      .where(sql`${table.deletedAt} is null`),
    index().on(table.userId),
  ],
);
