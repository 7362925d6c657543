import { sql, type SQL } from "drizzle-orm";

/**
 * Any number of rows as the table `name` in one statement. They are passed as one parameter, so the
 * statement's text and planning cost don't grow with them.
 * PostgreSQL can't know how many there are, so a join with a growing table needs `= any(uuids(…))` beside it.
 * @param columns the SQL type of each column; rows are objects with these keys
 */
export function recordset<Column extends string>(
  name: string,
  columns: Record<Column, string>,
  rows: Record<NoInfer<Column>, unknown>[],
): SQL {
  const typed = Object.entries(columns).map(([column, type]) => `"${column}" ${String(type)}`);
  return sql`json_to_recordset(${JSON.stringify(rows)}::json) as ${sql.raw(`${name} (${typed.join(", ")})`)}`;
}

/** The ids as a single array parameter, for `= any(…)`. */
export const uuids = (ids: Iterable<string>): SQL => sql`${`{${[...ids].join(",")}}`}::uuid[]`;
