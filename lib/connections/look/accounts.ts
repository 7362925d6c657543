import "server-only";
import { and, eq, gt, inArray, isNull, ne, or } from "drizzle-orm";
import { database, transaction } from "@/lib/db/client";
import type { Transaction } from "@/lib/db/database";
import { brokerageAccounts, connections } from "@/lib/db/schema/connections";
import { portalSessions } from "@/lib/db/schema/portal";
import { snapTradeUsers } from "@/lib/db/schema/users";
import { announceChanges, recordChange } from "@/lib/live";
import { describeError, log } from "@/lib/base/log";
import type { SnapTradeCredentials } from "@/lib/snaptrade/client";
import { listAccounts, type SeenAccount } from "@/lib/snaptrade/connections";
import type { Listed } from "@/lib/snaptrade/item-by-item";
import type { Source } from "@/lib/connections/observations/project";
import { getSnapTradeCredentials } from "@/lib/connections/observations/snaptrade-user";
import { portalOpenMinutes } from "./due";

const accountsAfterHours = 12;
/** An account that SnapTrade hasn't listed for this long is deleted. */
const keptMissingMs = 90 * 86_400_000;

/**
 * Reads a person's accounts when their connections changed or the last read is over 12 hours old, unless the
 * person is in the portal, where reading can break the sign-in (docs/snaptrade.md §4.15). The timer ignores
 * age, so that its looks cost one request. A failed read is logged and changes nothing.
 */
export async function readAccountsIfDue(
  userId: string,
  credentials: SnapTradeCredentials,
  now: Date,
  { changed, source }: { changed: boolean; source: Source },
): Promise<void> {
  const db = await database();
  const [user] = await db
    .select({ lookedAt: snapTradeUsers.accountsLookedAt })
    .from(snapTradeUsers)
    .where(eq(snapTradeUsers.userId, userId));
  const lookedAt = user?.lookedAt;
  const freshEnough =
    lookedAt && (source === "timer" || now.getTime() - lookedAt.getTime() < accountsAfterHours * 3_600_000);
  if (!changed && freshEnough) return;
  if (await isInPortal(userId, now)) return;
  await readAccounts(userId, credentials, now);
}

/**
 * Reads a person's accounts however recent the last read is, for example after a repair, to see whether all
 * are back. A failed read is logged and changes nothing.
 */
export async function readAccountsAnew(userId: string, now: Date): Promise<void> {
  const credentials = await getSnapTradeCredentials(userId);
  if (credentials) await readAccounts(userId, credentials, now);
}

async function isInPortal(userId: string, now: Date): Promise<boolean> {
  const db = await database();
  const activeSince = new Date(now.getTime() - portalOpenMinutes * 60_000);
  const [open] = await db
    .select({ id: portalSessions.id })
    .from(portalSessions)
    .where(
      and(
        eq(portalSessions.userId, userId),
        isNull(portalSessions.outcome),
        // After an error the portal lets people try again, so they may still be there.
        or(isNull(portalSessions.reportedStatus), ne(portalSessions.reportedStatus, "SUCCESS")),
        isNull(portalSessions.leftAt),
        gt(portalSessions.activeAt, activeSince),
      ),
    )
    .limit(1);
  return open !== undefined;
}

async function readAccounts(userId: string, credentials: SnapTradeCredentials, now: Date): Promise<void> {
  try {
    const { data, askedAt } = await listAccounts(credentials);
    await transaction((tx) => writeAccounts(tx, userId, data, { now, askedAt }));
    await announceChanges();
  } catch (error) {
    // The connections have been read; the accounts can wait for the next look.
    log.warn(describeError(error), "Accounts could not be read");
  }
}

/**
 * An account that is no longer listed is kept as missing, so that a repair can show what did not come back.
 */
async function writeAccounts(
  tx: Transaction,
  userId: string,
  { items: seen, unreadable }: Listed<SeenAccount>,
  { now, askedAt }: { now: Date; askedAt: Date },
): Promise<void> {
  const [known] = await tx
    .select({ askedAt: snapTradeUsers.accountsAskedAt })
    .from(snapTradeUsers)
    .where(eq(snapTradeUsers.userId, userId));
  if (known?.askedAt && known.askedAt > askedAt) return;
  const own = await tx
    .select({ id: connections.id })
    .from(connections)
    .where(eq(connections.userId, userId))
    .orderBy(connections.id)
    .for("update");
  const ownIds = own.map(({ id }) => id);
  if (ownIds.length > 0) {
    const before = await tx
      .select()
      .from(brokerageAccounts)
      .where(inArray(brokerageAccounts.connectionId, ownIds));
    const rows = seen.filter(({ connectionId }) => ownIds.includes(connectionId));
    // An account listed in a form we can't read isn't missing; we keep what we last saw of it.
    const isUnread = (old: { id: string }) => unreadable.some(({ id }) => id === null || id === old.id);
    const missing = before
      .filter((old) => !rows.some((row) => isSame(old, row)))
      .map((old) => ({ ...old, missingSince: old.missingSince ?? (isUnread(old) ? null : askedAt) }));
    await tx.delete(brokerageAccounts).where(inArray(brokerageAccounts.connectionId, ownIds));
    const all = [
      ...rows,
      ...missing.filter(
        ({ missingSince }) => !missingSince || askedAt.getTime() - missingSince.getTime() < keptMissingMs,
      ),
    ];
    if (all.length > 0) await tx.insert(brokerageAccounts).values(all).onConflictDoNothing();
  }
  await tx
    .update(snapTradeUsers)
    .set({ accountsLookedAt: now, accountsAskedAt: askedAt })
    .where(eq(snapTradeUsers.userId, userId));
  await recordChange(tx, userId);
}

/**
 * A connection made again gets new account ids, but the institution's own id stays the same
 * (docs/snaptrade.md §5.2).
 */
function isSame(
  old: { id: string; connectionId: string; institutionAccountId: string | null },
  row: SeenAccount,
): boolean {
  if (old.id === row.id) return true;
  return (
    old.connectionId === row.connectionId &&
    old.institutionAccountId !== null &&
    old.institutionAccountId === row.institutionAccountId
  );
}
