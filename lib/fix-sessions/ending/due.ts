import "server-only";
import { and, asc, isNull, lte, sql } from "drizzle-orm";
import { database, transaction } from "@/lib/db/client";
import { deleteOldest } from "@/lib/db/delete-oldest";
import { uuids } from "@/lib/db/recordset";
import { fixSessions } from "@/lib/db/schema/fix-sessions";
import { announceChanges } from "@/lib/live";
import { end } from "./end";

const maxPerRound = 500;
const dayMs = 86_400_000;
/** How long it can still be asked how a fix session ended. */
const keptDays = 30;

/**
 * Ends a bounded batch of the fix sessions that are past their time, oldest first. Those with someone in the
 * portal wait until that visit is over.
 * @returns how many ended
 */
export async function endDueSessions(now: Date): Promise<number> {
  const db = await database();
  const due = await db
    .select({ id: fixSessions.id })
    .from(fixSessions)
    .where(and(isNull(fixSessions.outcome), lte(fixSessions.expiresAt, now)))
    .orderBy(asc(fixSessions.expiresAt))
    .limit(maxPerRound);
  if (due.length === 0) return 0;
  const which = sql`${fixSessions.id} = any(${uuids(due.map(({ id }) => id))})`;
  const ended = await transaction((tx) => end(tx, which, now));
  await announceChanges();
  return ended;
}

/** Deletes fix sessions a month after they ended. */
export function deleteOldSessions(now: Date): Promise<number> {
  const { endedAt } = fixSessions;
  const before = new Date(now.getTime() - keptDays * dayMs).toISOString();
  return deleteOldest(
    fixSessions,
    endedAt,
    sql`${fixSessions.outcome} is not null and ${endedAt} < ${before}::timestamptz`,
  );
}
