import type { PgDatabase, PgQueryResultHKT } from "drizzle-orm/pg-core";
import type { Limits } from "./limits";
import type { Listen } from "./listen";
import type { tables } from "@/lib/db/schema/tables";

/**
 * The only way to the database, whatever the driver. Domain code never checks which driver it is, and opens
 * transactions only with `transaction`.
 */
export type Database = Omit<PgDatabase<PgQueryResultHKT, typeof tables>, "transaction">;

/** The database inside one transaction. */
export type Transaction = Database;

/** An open database and how to close it. */
export interface OpenDatabase {
  db: Database;
  /**
   * Runs `work` in one transaction: either all of it is committed or none of it. `work` must not wait for
   * anything outside the database.
   * @throws whatever `work` throws, and TimeLimitError when it takes too long; if the commit itself timed
   * out, the result is unknown
   */
  transaction: <T>(work: (tx: Transaction) => Promise<T>, limits?: Limits) => Promise<T>;
  /**
   * True if the database answers and only a free connection is missing: some query has waited `ms` for one,
   * while others were answered.
   */
  isBusy: (ms: number) => boolean;
  /** Null if this driver can't LISTEN. */
  listen: Listen | null;
  close: () => Promise<void>;
}
