import { sql } from "drizzle-orm";
import { check, timestamp, type AnyPgColumn } from "drizzle-orm/pg-core";

/** A timestamp with JavaScript's precision, milliseconds. */
export const at = (name: string) => timestamp(name, { withTimezone: true, precision: 3, mode: "date" });

/** A check constraint that limits a text column to these values. */
export function oneOf(name: string, column: AnyPgColumn, values: readonly string[]) {
  const list = values.map((value) => `'${value}'`).join(", ");
  return check(name, sql`${column} in (${sql.raw(list)})`);
}
