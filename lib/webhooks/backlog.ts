import "server-only";
import { sql } from "drizzle-orm";
import { database } from "@/lib/db/client";
import { inboxEvents } from "@/lib/db/schema/webhooks";

/** Counting higher would cost more than the number is worth. */
const maxCounted = sql.raw("10000");

/** Counts the waiting and the dead webhook events, each up to 10,000. */
export async function countBacklog(): Promise<{ waiting: number; dead: number }> {
  const db = await database();
  const counted = (state: "waiting" | "dead") =>
    sql`(select count(*)::int from (select 1 from ${inboxEvents} where state = ${sql.raw(`'${state}'`)} limit ${maxCounted}) as counted)`;
  const found: unknown = await db.execute(
    sql`select ${counted("waiting")} as waiting, ${counted("dead")} as dead`,
  );
  const [row] = (found as { rows: { waiting: number; dead: number }[] }).rows;
  return { waiting: row?.waiting ?? 0, dead: row?.dead ?? 0 };
}
