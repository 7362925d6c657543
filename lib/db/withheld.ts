import "server-only";
import { sql, type SQL } from "drizzle-orm";
import { rounds } from "./schema/work";

/** While a deployment changes its mode, processes of both modes may take turns. */
const changingModeMs = 3_600_000;

/**
 * The moment, in SQL, before which something must have been due for shadow mode to have withheld it for an hour;
 * null, so that nothing was, unless every round of the last hour ran in shadow mode.
 * @param now our clock
 */
export function withheldBefore(now: Date): SQL {
  const hourAgo = sql`${new Date(now.getTime() - changingModeMs).toISOString()}::timestamptz`;
  return sql`(select ${hourAgo} from ${rounds} where shadow_since <= ${hourAgo})`;
}
