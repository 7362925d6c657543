import "server-only";
import { and, sql } from "drizzle-orm";
import type { Transaction } from "@/lib/db/database";
import { uuids } from "@/lib/db/recordset";
import { connections } from "@/lib/db/schema/connections";
import { snapTradeUsers } from "@/lib/db/schema/users";

/** Whether this person has a working connection, as an SQL expression. */
export const hasWorking = (userId: string) =>
  sql<boolean>`exists (select 1 from ${connections} where ${connections.userId} = ${userId}::uuid and ${connections.state} = 'enabled')`;

/**
 * Records whether each of these people has a working connection, after their connections' states have
 * changed. Locks their rows first, so that of two concurrent changes the later one sees both.
 */
export async function recordWatched(tx: Transaction, userIds: Set<string>): Promise<void> {
  if (userIds.size === 0) return;
  const own = sql`${snapTradeUsers.userId} = any(${uuids(userIds)})`;
  await tx
    .select({ userId: snapTradeUsers.userId })
    .from(snapTradeUsers)
    .where(own)
    .orderBy(snapTradeUsers.userId)
    .for("no key update");
  const watched = sql`exists (select 1 from ${connections} where ${connections.userId} = ${snapTradeUsers.userId} and ${connections.state} = 'enabled')`;
  await tx
    .update(snapTradeUsers)
    .set({ watched: sql`not ${snapTradeUsers.watched}` })
    .where(and(own, sql`${snapTradeUsers.watched} <> ${watched}`));
}
