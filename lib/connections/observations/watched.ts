import "server-only";
import { and, eq, sql } from "drizzle-orm";
import type { Transaction } from "@/lib/db/database";
import { connections } from "@/lib/db/schema/connections";
import { snapTradeUsers } from "@/lib/db/schema/users";

/** Whether this person has a working connection, as an expression for a statement. */
export const hasWorking = (userId: string) =>
  sql<boolean>`exists (select 1 from ${connections} where ${connections.userId} = ${userId}::uuid and ${connections.state} = 'enabled')`;

/**
 * Records whether this person has a working connection, after their connections' states have changed. Locks
 * first, so that of two changes at once the later one sees both.
 */
export async function recordWatched(tx: Transaction, userId: string): Promise<void> {
  const own = eq(snapTradeUsers.userId, userId);
  await tx.select({ userId: snapTradeUsers.userId }).from(snapTradeUsers).where(own).for("no key update");
  await tx
    .update(snapTradeUsers)
    .set({ watched: sql`not ${snapTradeUsers.watched}` })
    .where(and(own, sql`${snapTradeUsers.watched} <> ${hasWorking(userId)}`));
}
