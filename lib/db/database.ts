import type { PgDatabase, PgQueryResultHKT } from "drizzle-orm/pg-core";
import type { Listen } from "./listen";
import type { tables } from "./tables";

/** The one way to the database, whatever the driver. Domain code never asks which it is. */
export type Database = PgDatabase<PgQueryResultHKT, typeof tables>;

/** What runs inside one transaction. */
export type Transaction = Parameters<Parameters<Database["transaction"]>[0]>[0];

/** An open database and what ends it. */
export interface OpenDatabase {
  db: Database;
  /** Runs `work` in one transaction: all of it is committed, or none of it. */
  transaction: <T>(work: (tx: Transaction) => Promise<T>) => Promise<T>;
  /** Null where the way to the database cannot LISTEN. */
  listen: Listen | null;
  close: () => Promise<void>;
}
