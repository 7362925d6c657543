import "server-only";
import { and, desc, isNull, sql } from "drizzle-orm";
import { isPortalOpen } from "@/lib/connections/look/due";
import type { Transaction } from "@/lib/db/database";
import { recordset, uuids } from "@/lib/db/recordset";
import { connections } from "@/lib/db/schema/connections";
import { portalSessions } from "@/lib/db/schema/portal";
import { recordEvents, type NewEvent } from "@/lib/events/record";
import { recordChange } from "@/lib/live";

/** What an event says about one sign-in. */
interface SignIn {
  userId: string;
  brokerageId: string | null;
  result: string;
  /** SnapTrade's clock; null if the event has no timestamp. */
  happenedAt: Date | null;
  /** Our clock. */
  receivedAt: Date;
}

/**
 * Records sign-in results, in the order of their events, on each person's open portal sessions at that
 * brokerage. The events name no connection (docs/snaptrade.md §6.4), so a result is dropped unless all
 * matching sessions are for one connection.
 * @returns the results that match a session
 */
export async function recordSignIns<One extends SignIn>(tx: Transaction, signIns: One[]): Promise<Set<One>> {
  const matched = new Set<One>();
  if (signIns.length === 0) return matched;
  const open = await listOpenSessions(tx, new Set(signIns.map(({ userId }) => userId)));
  const changed = new Set<OpenSession>();
  const failures: NewEvent[] = [];
  for (const signIn of signIns) {
    const fitting = open.filter((session) => fits(session, signIn));
    const [newest, ...others] = fitting;
    if (!newest || others.some(({ connectionId }) => !connectionId || connectionId !== newest.connectionId))
      continue;
    matched.add(signIn);
    const isNews = signIn.brokerageId !== null || fitting.some(({ signInResult }) => !signInResult);
    if (isNews && signIn.result !== "SUCCESS") failures.push(failureOf(signIn, newest));
    for (const session of fitting) {
      // A failure without a reason never replaces one with a reason.
      if (!signIn.brokerageId && session.signInResult) continue;
      session.signInResult = signIn.result;
      changed.add(session);
    }
  }
  await writeResults(tx, [...changed]);
  await recordEvents(tx, failures);
  return matched;
}

function failureOf({ userId, result, happenedAt, receivedAt }: SignIn, session: OpenSession): NewEvent {
  const { connectionId } = session;
  return {
    type: "sign_in.failed",
    userId,
    connectionId,
    at: happenedAt ?? receivedAt,
    data: { reason: result },
  };
}

type OpenSession = Awaited<ReturnType<typeof listOpenSessions>>[number];

function listOpenSessions(tx: Transaction, userIds: Set<string>) {
  const { id, userId, connectionId, brokerageId, openedAt, startedAt, signInResult } = portalSessions;
  return tx
    .select({ id, userId, connectionId, brokerageId, openedAt, startedAt, signInResult })
    .from(portalSessions)
    .where(and(sql`${userId} = any(${uuids(userIds)})`, isNull(portalSessions.outcome)))
    .orderBy(desc(startedAt), desc(id));
}

/** Dated events are compared with openedAt, undated ones with startedAt. */
function fits(session: OpenSession, { userId, brokerageId, happenedAt, receivedAt }: SignIn): boolean {
  const [at, begunAt] = happenedAt ? [happenedAt, session.openedAt] : [receivedAt, session.startedAt];
  return (
    session.userId === userId &&
    (brokerageId === null || brokerageId === session.brokerageId) &&
    begunAt !== null &&
    begunAt <= at &&
    isPortalOpen({ activeAt: begunAt }, at)
  );
}

async function writeResults(tx: Transaction, changed: OpenSession[]): Promise<void> {
  if (changed.length === 0) return;
  await tx.execute(sql`
    update ${portalSessions} set sign_in_result = next."signInResult"
    from ${recordset("next", { id: "uuid", signInResult: "text" }, changed)}
    where ${portalSessions}.id = any(${uuids(changed.map(({ id }) => id))}) and ${portalSessions}.id = next.id`);
  for (const { userId } of changed) await recordChange(tx, userId);
}

/**
 * The owners of those connections that have an open portal session. If an event reports such a connection
 * repaired, a read has to confirm it (docs/snaptrade.md §8.12).
 */
export async function listOwnersInPortal(tx: Transaction, connectionIds: string[]): Promise<string[]> {
  if (connectionIds.length === 0) return [];
  const rows = await tx
    .selectDistinct({ userId: portalSessions.userId })
    .from(portalSessions)
    .where(
      and(sql`${portalSessions.connectionId} = any(${uuids(connectionIds)})`, isNull(portalSessions.outcome)),
    );
  return rows.map(({ userId }) => userId);
}

/**
 * Records that connections changed, according to SnapTrade. For one that was already working, that is a sign
 * of a new sign-in (docs/snaptrade.md §8.19). The caller must have checked their owners and locked them.
 * @param updates `at` is on SnapTrade's clock
 */
export async function recordUpdates(
  tx: Transaction,
  updates: { connectionId: string; at: Date }[],
): Promise<void> {
  if (updates.length === 0) return;
  await tx.execute(sql`
    update ${connections} set updated_at = greatest(updated_at, latest.at)
    from (
      select "connectionId" as id, max(at) as at
      from ${recordset("said", { connectionId: "uuid", at: "timestamptz" }, updates)} group by 1
    ) as latest
    where ${connections}.id = any(${uuids(updates.map(({ connectionId }) => connectionId))}) and ${connections}.id = latest.id`);
}
