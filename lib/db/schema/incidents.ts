import { sql } from "drizzle-orm";
import { index, pgTable, uniqueIndex, uuid } from "drizzle-orm/pg-core";
import { at } from "./columns";
import { brokerages } from "./connections";

/** A brokerage at which unusually many connections broke at once, until it has calmed down. */
export const incidents = pgTable(
  "incidents",
  {
    id: uuid().primaryKey().defaultRandom(),
    brokerageId: uuid("brokerage_id")
      .notNull()
      .references(() => brokerages.id),
    beganAt: at("began_at").notNull(),
    /** The newest moment at which it was still more than usual. */
    lastSeenAt: at("last_seen_at").notNull(),
    endedAt: at("ended_at"),
  },
  (table) => [
    index().on(table.brokerageId),
    uniqueIndex("incidents_one_open")
      .on(table.brokerageId)
      .where(sql`${table.endedAt} is null`),
  ],
);
