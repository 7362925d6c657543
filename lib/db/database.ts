import type { PgDatabase, PgQueryResultHKT } from "drizzle-orm/pg-core";
import type { Limits } from "./limits";
import type { Listen } from "./listen";
import type { tables } from "./tables";

/** The one way to the database, whatever the driver. Domain code never asks which it is, and opens transactions with `transaction` alone. */
export type Database = Omit<PgDatabase<PgQueryResultHKT, typeof tables>, "transaction">;

/** What runs inside one transaction. */
export type Transaction = Database;

/** An open database and what ends it. */
export interface OpenDatabase {
  db: Database;
  /**
   * Runs `work` in one transaction: all of it is committed, or none of it. It waits for nothing outside the database.
   * @throws whatever `work` throws, and TimeLimitError when it takes too long; whether it was committed is unknown when the commit did
   */
  transaction: <T>(work: (tx: Transaction) => Promise<T>, limits?: Limits) => Promise<T>;
  /** Null where the way to the database cannot LISTEN. */
  listen: Listen | null;
  close: () => Promise<void>;
}
