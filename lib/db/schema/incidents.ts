import { sql } from "drizzle-orm";
import { bigserial, index, integer, pgTable, primaryKey, uniqueIndex, uuid } from "drizzle-orm/pg-core";
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
    index().on(table.brokerageId, table.beganAt),
    uniqueIndex("incidents_one_open")
      .on(table.brokerageId)
      .where(sql`${table.endedAt} is null`),
  ],
);

/**
 * How many people's connections broke at each brokerage in each quarter that is over; kept for two weeks.
 * Marked quarters are recounted from the episodes (observations/usual-breaks.ts).
 */
export const brokerageQuarters = pgTable(
  "brokerage_quarters",
  {
    brokerageId: uuid("brokerage_id")
      .notNull()
      .references(() => brokerages.id),
    /** Its start, a multiple of 15 minutes. */
    quarter: at("quarter").notNull(),
    people: integer().notNull(),
  },
  (table) => [primaryKey({ columns: [table.brokerageId, table.quarter] }), index().on(table.quarter)],
);

/**
 * Quarters whose breaks have changed since they were counted. A trigger on episodes adds a row for each
 * change; rows are never updated, so no transaction waits for another's mark.
 */
export const quarterMarks = pgTable(
  "quarter_marks",
  {
    id: bigserial({ mode: "number" }).primaryKey(),
    brokerageId: uuid("brokerage_id").notNull(),
    quarter: at("quarter").notNull(),
  },
  (table) => [index().on(table.quarter)],
);
