import { sql } from "drizzle-orm";
import { connection } from "next/server";
import { database } from "@/lib/db/client";
import { describeError, log } from "@/lib/log";
import { currentBound } from "@/lib/reconcile";

/** Whether this process can do its work: 200 when the database answers. */
export async function GET() {
  await connection();
  try {
    await (await database()).execute(sql`select 1`);
    const { watched, minutes } = await currentBound();
    return Response.json({ status: "ok", watched, lostBreakFoundWithinMinutes: minutes }, { headers: { "Cache-Control": "no-store" } });
  } catch (error) {
    log.error(describeError(error), "The database does not answer");
    return Response.json({ status: "database away" }, { status: 503, headers: { "Cache-Control": "no-store" } });
  }
}
