import "server-only";
import { and, desc, eq, isNull, lte, sql } from "drizzle-orm";
import type { Transaction } from "@/lib/db/database";
import { connections } from "@/lib/db/schema/connections";
import { portalSessions } from "@/lib/db/schema/portal";
import { recordChange } from "@/lib/live";
import { requestLook } from "@/lib/connections/observations/snaptrade-user";
import { isPortalOpen } from "@/lib/connections/look/due";

interface SignInResult {
  brokerageId: string | null;
  result: string;
  /** SnapTrade's clock; null if the event has no timestamp. */
  happenedAt: Date | null;
  /** Our clock. */
  receivedAt: Date;
}

/**
 * Records the result of a sign-in on the person's open portal sessions at that brokerage. The event names no
 * connection (docs/snaptrade.md §6.4), so it is dropped unless all matching sessions are for one connection.
 * Dated events are compared with openedAt, undated ones with startedAt.
 * @returns whether a session matches
 */
export async function recordSignInResult(
  tx: Transaction,
  userId: string,
  { brokerageId, result, happenedAt, receivedAt }: SignInResult,
): Promise<boolean> {
  const [at, opened] = happenedAt
    ? [happenedAt, portalSessions.openedAt]
    : [receivedAt, portalSessions.startedAt];
  const open = await tx
    .select({
      id: portalSessions.id,
      connectionId: portalSessions.connectionId,
      openedAt: opened,
      signInResult: portalSessions.signInResult,
    })
    .from(portalSessions)
    .where(
      and(
        eq(portalSessions.userId, userId),
        isNull(portalSessions.outcome),
        lte(opened, at),
        brokerageId ? eq(portalSessions.brokerageId, brokerageId) : undefined,
      ),
    )
    .orderBy(desc(portalSessions.startedAt), desc(portalSessions.id));
  const fitting = open.filter(({ openedAt }) => openedAt && isPortalOpen({ activeAt: openedAt }, at));
  const [newest, ...others] = fitting;
  if (!newest || others.some(({ connectionId }) => !connectionId || connectionId !== newest.connectionId))
    return false;
  // A failure without a reason doesn't replace one with a reason.
  const explained = fitting.filter(({ signInResult }) => brokerageId || !signInResult);
  for (const { id } of explained)
    await tx.update(portalSessions).set({ signInResult: result }).where(eq(portalSessions.id, id));
  if (explained.length > 0) await recordChange(tx, userId);
  return true;
}

/**
 * Makes a look due now if the person has an open portal session for this connection, so that a read can
 * confirm the repair that an event reported (docs/snaptrade.md §8.12).
 */
export async function confirmRepair(
  tx: Transaction,
  userId: string,
  connectionId: string,
  now: Date,
): Promise<void> {
  const [open] = await tx
    .select({ id: portalSessions.id })
    .from(portalSessions)
    .where(and(eq(portalSessions.connectionId, connectionId), isNull(portalSessions.outcome)))
    .limit(1);
  if (open) await requestLook(tx, userId, now);
}

/**
 * Records that SnapTrade says a connection changed. For one that already worked, that is a sign of a new
 * sign-in (docs/snaptrade.md §8.19).
 * @param at SnapTrade's clock
 */
export async function recordUpdate(
  tx: Transaction,
  userId: string,
  connectionId: string,
  at: Date,
): Promise<void> {
  await tx
    .update(connections)
    .set({ updatedAt: sql`greatest(${connections.updatedAt}, ${at.toISOString()}::timestamptz)` })
    .where(and(eq(connections.id, connectionId), eq(connections.userId, userId)));
}
