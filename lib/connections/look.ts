import "server-only";
import { and, eq, gt, inArray, isNull, ne, sql } from "drizzle-orm";
import { database, transaction } from "@/lib/db/client";
import { brokerageAccounts, connections, portalSessions, snapTradeUsers } from "@/lib/db/schema";
import { announceChanges, noteChange } from "@/lib/live";
import { describeError, log } from "@/lib/log";
import type { SnapTradeCredentials } from "@/lib/snaptrade/client";
import { isConnectionGone, listAccounts, listConnections, type SeenAccount, type SeenConnection } from "@/lib/snaptrade/connections";
import { SnapTradeFailure, type FailureKind } from "@/lib/snaptrade/failure";
import type { Source } from "./episodes";
import { observe, type ConnectionObservation } from "./observe";
import { accepted, getSnapTradeCredentials, noteRefusal } from "./snaptrade-user";
import { isLookDue, portalOpenMinutes } from "./status";

/** "nobody" is a person without a SnapTrade user, who therefore has no connections. */
export type LookResult = { looked: true; changed: string[] } | { looked: false; reason: "nobody" | FailureKind };

/** Who wants to know. */
export type LookFor = Exclude<Source, "webhook">;

const accountsAfterHours = 12;
const inFlight = new Map<string, Promise<LookResult>>();

/**
 * Reads all connections of a person from SnapTrade and hands the answer to observe.
 * A look that fails changes no connection; it only makes what we know older. Looks of one person at the same time share one read.
 * @param now our clock, when the look begins
 */
export function look(userId: string, now = new Date(), source: LookFor = "person"): Promise<LookResult> {
  const running = inFlight.get(userId);
  if (running) return running;
  const started = lookOnce(userId, now, source).finally(() => inFlight.delete(userId));
  inFlight.set(userId, started);
  return started;
}

/**
 * Like look, but never satisfied by a read that began before `since`: for conclusions about what happened up to then.
 */
export async function lookSince(userId: string, since: Date, source: LookFor = "person"): Promise<LookResult> {
  await inFlight.get(userId)?.catch(() => undefined);
  return look(userId, since, source);
}

/**
 * Looks only when the last look is too old, failed a while ago, or something contradicted it since; open pages, which may be waiting
 * for just that, are then told to read again whatever came of it.
 */
export async function lookIfDue(userId: string, now = new Date(), source: LookFor = "person"): Promise<void> {
  const db = await database();
  const [known] = await db
    .select()
    .from(snapTradeUsers)
    .where(and(eq(snapTradeUsers.userId, userId), isNull(snapTradeUsers.goneAt)));
  if (!known || !(inFlight.has(userId) || isLookDue(known, now))) return;
  const result = await look(userId, now, source);
  // Having to wait for our turn is no news.
  if (!result.looked && result.reason === "busy") return;
  await noteChange(db, userId);
  await announceChanges();
}

async function lookOnce(userId: string, now: Date, source: LookFor): Promise<LookResult> {
  const credentials = await getSnapTradeCredentials(userId);
  if (!credentials) return { looked: false, reason: "nobody" };
  try {
    const changed = await readConnections(userId, credentials, now, source);
    await noteLook(userId, now, true);
    await readAccountsIfDue(userId, credentials, now, { changed: changed.length > 0, source });
    return { looked: true, changed };
  } catch (error) {
    if (!(error instanceof SnapTradeFailure)) throw error;
    if (error.kind === "user-refused") await noteRefusal(userId, now);
    // Having to wait for our turn says nothing about what we know.
    else if (error.kind !== "busy") await noteLook(userId, now, false);
    return { looked: false, reason: error.kind };
  }
}

async function readConnections(userId: string, credentials: SnapTradeCredentials, now: Date, source: LookFor): Promise<string[]> {
  const { data: seen, answeredAt } = await listConnections(credentials);
  const gone = await confirmGone(userId, credentials, seen);
  const told = { observedAt: answeredAt, source, recordedAt: now };
  return observe(userId, [
    ...seen.map((connection): ConnectionObservation => ({
      ...told,
      connectionId: connection.id,
      state: connection.disabled ? "disabled" : "enabled",
      disabledAt: connection.disabledAt,
      details: connection,
    })),
    ...gone.map((connectionId): ConnectionObservation => ({ ...told, connectionId, state: "deleted", disabledAt: null })),
  ]);
}

/** Deleted is final, so a connection that left the list counts as gone only when SnapTrade also denies it by its id. */
async function confirmGone(userId: string, credentials: SnapTradeCredentials, seen: SeenConnection[]): Promise<string[]> {
  const db = await database();
  const known = await db
    .select({ id: connections.id })
    .from(connections)
    .where(and(eq(connections.userId, userId), ne(connections.state, "deleted")));
  const missing = known.filter(({ id }) => !seen.some((connection) => connection.id === id));
  const gone: string[] = [];
  for (const { id } of missing) if (await isConnectionGone(credentials, id)) gone.push(id);
  return gone;
}

/** Keeps when SnapTrade was asked and whether it answered; that it stopped or began to answer is news for open pages. */
async function noteLook(userId: string, now: Date, answered: boolean) {
  const own = eq(snapTradeUsers.userId, userId);
  const stillDue = sql`case when ${snapTradeUsers.lookDueAt} > ${now.toISOString()}::timestamptz then ${snapTradeUsers.lookDueAt} end`;
  const turned = await transaction(async (tx) => {
    const [before] = await tx.select({ lookFailedAt: snapTradeUsers.lookFailedAt }).from(snapTradeUsers).where(own).for("update");
    await tx
      .update(snapTradeUsers)
      .set(answered ? { lookedAt: now, lookFailedAt: null, lookDueAt: stillDue, ...accepted } : { lookFailedAt: now })
      .where(own);
    if (!before || answered === (before.lookFailedAt === null)) return false;
    await noteChange(tx, userId);
    return true;
  });
  if (turned) await announceChanges();
}

/**
 * Accounts hardly change, and reading them while somebody is in the portal can break the sign-in (FACTS 4.9).
 * For the timer their age alone is no reason: its looks must not cost two requests each.
 */
async function readAccountsIfDue(
  userId: string,
  credentials: SnapTradeCredentials,
  now: Date,
  { changed, source }: { changed: boolean; source: LookFor },
) {
  const db = await database();
  const [user] = await db.select({ accountsLookedAt: snapTradeUsers.accountsLookedAt }).from(snapTradeUsers).where(eq(snapTradeUsers.userId, userId));
  const lookedAt = user?.accountsLookedAt;
  const freshEnough = lookedAt && (source === "timer" || now.getTime() - lookedAt.getTime() < accountsAfterHours * 3_600_000);
  if (!changed && freshEnough) return;
  const openSince = new Date(now.getTime() - portalOpenMinutes * 60_000);
  const [inPortal] = await db
    .select({ id: portalSessions.id })
    .from(portalSessions)
    .where(
      and(eq(portalSessions.userId, userId), isNull(portalSessions.outcome), isNull(portalSessions.claim), gt(portalSessions.startedAt, openSince)),
    )
    .limit(1);
  if (inPortal) return;
  try {
    const { data } = await listAccounts(credentials);
    await writeAccounts(userId, data, now);
  } catch (error) {
    // The statuses are read already; names of accounts can wait for the next look.
    log.warn(describeError(error), "Accounts could not be read");
  }
}

async function writeAccounts(userId: string, seen: SeenAccount[], now: Date) {
  await transaction(async (tx) => {
    const own = await tx.select({ id: connections.id }).from(connections).where(eq(connections.userId, userId)).orderBy(connections.id).for("update");
    const ownIds = own.map(({ id }) => id);
    const rows = seen.filter(({ connectionId }) => ownIds.includes(connectionId));
    if (ownIds.length > 0) await tx.delete(brokerageAccounts).where(inArray(brokerageAccounts.connectionId, ownIds));
    if (rows.length > 0) await tx.insert(brokerageAccounts).values(rows).onConflictDoNothing();
    await tx.update(snapTradeUsers).set({ accountsLookedAt: now }).where(eq(snapTradeUsers.userId, userId));
    await noteChange(tx, userId);
  });
  await announceChanges();
}
