import type { PgDatabase, PgQueryResultHKT } from "drizzle-orm/pg-core";
import type * as schema from "./schema";

/** The one way to the database, whatever the driver. Domain code never asks which it is. */
export type Database = PgDatabase<PgQueryResultHKT, typeof schema>;

/** An open database and what ends it. */
export interface OpenDatabase {
  db: Database;
  close: () => Promise<void>;
}
