import "server-only";
import { inArray } from "drizzle-orm";
import { findFormers } from "@/lib/account/former-users";
import { inBackground } from "@/lib/budget";
import { database } from "@/lib/db/client";
import { snapTradeUsers } from "@/lib/db/schema/users";
import { listSnapTradeUsers } from "@/lib/snaptrade/users";

const perBatch = 1_000;

/**
 * The SnapTrade users of our key that belong to nobody here and aren't being deleted. Each is billed
 * (docs/snaptrade.md §2.4). Costs one read.
 * @throws SnapTradeFailure
 */
export async function listOrphans(): Promise<string[]> {
  const everyone = await inBackground(listSnapTradeUsers);
  const db = await database();
  const orphans: string[] = [];
  for (let at = 0; at < everyone.length; at += perBatch) {
    const some = everyone.slice(at, at + perBatch);
    const here = snapTradeUsers.snapTradeUserId;
    const rows = await db.select({ id: here }).from(snapTradeUsers).where(inArray(here, some));
    const formers = await findFormers(db, some);
    const known = new Set([...rows.map(({ id }) => id), ...formers.keys()]);
    orphans.push(...some.filter((id) => !known.has(id)));
  }
  return orphans;
}
