import "server-only";
import { and, sql } from "drizzle-orm";
import type { Transaction } from "@/lib/db/database";
import { uuids } from "@/lib/db/recordset";
import { connections } from "@/lib/db/schema/connections";
import { snapTradeUsers } from "@/lib/db/schema/users";

/** Whether this person has a working connection, as an SQL expression. */
export const hasWorking = (userId: string) =>
  sql<boolean>`exists (select 1 from ${connections} where ${connections.userId} = ${userId}::uuid and ${connections.state} = 'enabled')`;

/** Locks these people's SnapTrade users, in the order of docs/decisions/0010-lock-order.md. */
async function lockSnapTradeUsers(tx: Transaction, userIds: Set<string>): Promise<void> {
  await tx
    .select({ userId: snapTradeUsers.userId })
    .from(snapTradeUsers)
    .where(sql`${snapTradeUsers.userId} = any(${uuids(userIds)})`)
    .orderBy(snapTradeUsers.userId)
    .for("no key update");
}

/**
 * Records whether each of these people has a working connection, after their connections' states have
 * changed. Locks first, so that of two changes at once the later one sees both.
 * @param others people whose SnapTrade users this transaction writes afterwards; all are locked together, so
 * that two transactions with several people never wait for each other
 */
export async function recordWatched(
  tx: Transaction,
  userIds: Set<string>,
  others: Iterable<string> = [],
): Promise<void> {
  const held = new Set([...userIds, ...others]);
  if (held.size === 0) return;
  await lockSnapTradeUsers(tx, held);
  if (userIds.size === 0) return;
  const watched = sql`exists (select 1 from ${connections} where ${connections.userId} = ${snapTradeUsers.userId} and ${connections.state} = 'enabled')`;
  await tx
    .update(snapTradeUsers)
    .set({ watched: sql`not ${snapTradeUsers.watched}` })
    .where(
      and(
        sql`${snapTradeUsers.userId} = any(${uuids(userIds)})`,
        sql`${snapTradeUsers.watched} <> ${watched}`,
      ),
    );
}
