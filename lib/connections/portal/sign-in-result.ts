import "server-only";
import { and, desc, eq, isNull, lte, sql } from "drizzle-orm";
import type { Transaction } from "@/lib/db/database";
import { connections } from "@/lib/db/schema/connections";
import { portalSessions } from "@/lib/db/schema/portal";
import { recordChange } from "@/lib/live";
import { requestLook } from "@/lib/connections/observations/snaptrade-user";
import { isPortalOpen } from "@/lib/connections/look/due";

interface Attempt {
  brokerageId: string | null;
  result: string;
  /** SnapTrade's clock; null when the event has no timestamp. */
  happenedAt: Date | null;
  /** Our clock. */
  receivedAt: Date;
}

/**
 * Records how a sign-in ended on the person's open portal session at that brokerage. SnapTrade names no
 * connection and no session (docs/snaptrade.md §6.4), so the result counts only if every session open then is
 * for the same connection; a guess could explain the wrong one. A dated event is compared with SnapTrade's
 * time of the login link; an undated one with our own.
 * @returns whether a session matches
 */
export async function recordSignInResult(
  tx: Transaction,
  userId: string,
  { brokerageId, result, happenedAt, receivedAt }: Attempt,
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
  // "Failed" without a reason does not replace a reason.
  const explained = fitting.filter(({ signInResult }) => brokerageId || !signInResult);
  for (const { id } of explained)
    await tx.update(portalSessions).set({ signInResult: result }).where(eq(portalSessions.id, id));
  if (explained.length > 0) await recordChange(tx, userId);
  return true;
}

/**
 * SnapTrade reported a repair while the person is in the portal: make a look due at once, so that a read can
 * confirm it.
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
 * Records that SnapTrade said a connection changed: for one that already worked, a sign of a new sign-in
 * (docs/snaptrade.md §8.19).
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
