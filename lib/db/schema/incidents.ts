import { sql } from "drizzle-orm";
import { index, pgTable, uniqueIndex, uuid } from "drizzle-orm/pg-core";
import { at } from "./columns";
import { brokerages } from "./connections";

/** Unusually many connections breaking at one brokerage at once, until it has calmed down. */
export const incidents = pgTable(
  "incidents",
  {
    id: uuid().primaryKey().defaultRandom(),
    brokerageId: uuid("brokerage_id")
      .notNull()
      .references(() => brokerages.id),
    beganAt: at("began_at").notNull(),
    /** When the number of breaks was last above normal. */
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
