import { sql } from "drizzle-orm";
import { index, integer, pgTable, text, uuid } from "drizzle-orm/pg-core";
import { at } from "./at";
import { ofUser } from "./schema";

/**
 * SnapTrade users that are nobody's any more, or not yet: each must be deleted at SnapTrade, since it costs money and holds data.
 * The rows stay until the person is deleted, so that late events still find whom they are about. Our clock.
 */
export const formerSnapTradeUsers = pgTable(
  "former_snaptrade_users",
  {
    snapTradeUserId: text("snaptrade_user_id").primaryKey(),
    userId: ofUser(),
    /** "registering": the id was sent to SnapTrade, and what became of it is not known yet. */
    why: text({ enum: ["registering", "surplus", "refused", "deleted", "account-deleted"] }).notNull(),
    since: at("since").notNull(),
    /** The connections that this user had when it was replaced; they go with it. */
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
    index("former_snaptrade_users_due")
      .on(table.runAt)
      .where(sql`${table.deletedAt} is null`),
    index().on(table.userId),
  ],
);
