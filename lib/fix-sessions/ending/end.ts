import "server-only";
import { and, asc, eq, isNull, sql, type SQL } from "drizzle-orm";
import { groupBy } from "@/lib/base/group-by";
import type { Transaction } from "@/lib/db/database";
import { recordset, uuids } from "@/lib/db/recordset";
import { fixSessions } from "@/lib/db/schema/fix-sessions";
import { recordEvents, type NewEvent } from "@/lib/events/record";
import { recordChange } from "@/lib/live";
import { endOf, type Ending } from "./decide";
import { readFacts } from "./facts";

/**
 * Ends those of these people's fix sessions that are over, each once, in the transaction that wrote why. Costs
 * one statement when none of them is open. Takes its locks before those of
 * `portal_sessions` (docs/decisions/0010-lock-order.md).
 */
export async function endSessionsOf(tx: Transaction, userIds: string[], now: Date): Promise<void> {
  if (userIds.length > 0) await end(tx, sql`${fixSessions.userId} = any(${uuids(userIds)})`, now);
}

/** The same for one session, which ends as `ending` if there is no other reason. */
export async function endSession(
  tx: Transaction,
  id: string,
  now: Date,
  ending: Ending | null = null,
): Promise<void> {
  await end(tx, eq(fixSessions.id, id), now, ending);
}

/**
 * The same for any sessions.
 * @returns how many ended
 */
export async function end(
  tx: Transaction,
  which: SQL | undefined,
  now: Date,
  ending: Ending | null = null,
): Promise<number> {
  // What decides is read in a second statement, because this one may have waited for who just ended them.
  const locked = await tx
    .select({ id: fixSessions.id })
    .from(fixSessions)
    .where(and(which, isNull(fixSessions.outcome)))
    .orderBy(asc(fixSessions.id))
    .for("no key update");
  if (locked.length === 0) return 0;
  const facts = await readFacts(
    tx,
    locked.map(({ id }) => id),
    now,
  );
  const ended = facts.flatMap((session) => {
    const how = endOf(session, ending);
    return how ? { ...session, ...how, ...failureOf(session, how) } : [];
  });
  if (ended.length === 0) return 0;
  const rows = ended.map(({ id, outcome, reason, made, repaired, failure, failureCode }) => ({
    id,
    outcome,
    reason,
    failure,
    failureCode,
    doneIds: `{${[...made, ...repaired].join(",")}}`,
  }));
  await tx.execute(sql`
    update ${fixSessions} set outcome = next.outcome, reason = next.reason,
      done_ids = next."doneIds"::uuid[], ended_at = ${now.toISOString()}::timestamptz,
      failure = next.failure, failure_code = next."failureCode"
    from ${recordset("next", columns, rows)}
    where ${fixSessions}.id = any(${uuids(rows.map(({ id }) => id))}) and ${fixSessions}.id = next.id`);
  await recordEvents(
    tx,
    ended.filter(({ origin }) => origin === "api").map((session) => completedEvent(session, now)),
  );
  for (const userId of groupBy(ended, ({ userId }) => userId).keys()) await recordChange(tx, userId);
  return ended.length;
}

const columns = {
  id: "uuid",
  outcome: "text",
  reason: "text",
  failure: "text",
  failureCode: "text",
  doneIds: "text",
};

/** Why it failed: as its last visit to the portal did. */
function failureOf({ failure, failureCode }: Facts, { outcome }: { outcome: string }) {
  return outcome === "failed"
    ? { failure: failure ?? "no-word", failureCode }
    : { failure: null, failureCode: null };
}

function completedEvent(
  { id, userId, connectionId, outcome, reason, failure, failureCode, made, repaired }: Ended,
  at: Date,
): NewEvent {
  const how = { status: outcome, outcome, reason, failure, failure_code: failureCode };
  const done = { repaired_connection_ids: repaired, made_connection_ids: made };
  return {
    type: "fix_session.completed",
    userId,
    connectionId,
    at,
    data: { fix_session: { id, ...how, ...done } },
  };
}

type Facts = Awaited<ReturnType<typeof readFacts>>[number];
type Ended = Facts & NonNullable<ReturnType<typeof endOf>>;
