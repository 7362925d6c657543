import "server-only";
import { sql, type SQL } from "drizzle-orm";
import type { PgColumn, PgTable } from "drizzle-orm/pg-core";
import { affectedRows } from "./affected-rows";
import { database } from "./client";

/** The most rows that one call deletes, so that no call holds its locks for long. */
export const maxDeleted = 5_000;

/**
 * Deletes a bounded batch of the rows that `over` matches, oldest first by `at`. `over` must be a range of
 * `at`, plus the index's condition if the index is partial. Rows that are locked are left to the next call.
 * @returns how many were deleted
 */
export async function deleteOldest(table: PgTable, at: PgColumn, over: SQL | undefined): Promise<number> {
  const db = await database();
  const deleted = await db.execute(sql`
    delete from ${table} where ctid = any(array(
      select ctid from ${table} where ${over} order by ${at} limit ${maxDeleted} for update skip locked))`);
  return affectedRows(deleted);
}
