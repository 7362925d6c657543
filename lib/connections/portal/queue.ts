import "server-only";
import { and, desc, eq, gt, inArray, isNull, notExists, sql } from "drizzle-orm";
import { database } from "@/lib/db/client";
import { brokerageAccounts, brokerages, connections, episodes } from "@/lib/db/schema/connections";
import { reconnectQueues } from "@/lib/db/schema/portal";
import { AppError } from "@/lib/base/errors";
import { refuseInShadow } from "@/lib/base/mode";
import { repairableNow } from "@/lib/fix-sessions/ending/needs";
import type { QueueView } from "@/lib/connections/views";

const resumeHours = 12;

type QueueRow = typeof reconnectQueues.$inferSelect;

/**
 * Continues the person's queue of connections that a sign-in can repair: the latest one, if it is under 12
 * hours old and covers them all as they have been since it began, otherwise a new one.
 * @returns the queue's id and the connection to repair next
 * @throws AppError shadow-mode, nothing-to-reconnect
 */
export async function continueQueue(
  userId: string,
  now: Date,
): Promise<{ queueId: string; connectionId: string }> {
  refuseInShadow();
  const broken = await listRepairable(userId);
  const [first] = broken;
  if (!first) throw new AppError("nothing-to-reconnect");
  const db = await database();
  const since = new Date(now.getTime() - resumeHours * 3_600_000);
  const [latest] = await db
    .select()
    .from(reconnectQueues)
    .where(and(eq(reconnectQueues.userId, userId), gt(reconnectQueues.startedAt, since), begunSince(broken)))
    .orderBy(desc(reconnectQueues.startedAt), desc(reconnectQueues.id))
    .limit(1);
  const next =
    latest && covers(latest, broken)
      ? latest.connectionIds.find((id) => broken.includes(id) && !latest.skippedIds.includes(id))
      : undefined;
  if (latest && next) return { queueId: latest.id, connectionId: next };
  const [made] = await db
    .insert(reconnectQueues)
    .values({ userId, connectionIds: broken, startedAt: now })
    .returning();
  if (!made) throw new Error("The queue was not stored");
  return { queueId: made.id, connectionId: first };
}

const covers = (queue: QueueRow, broken: string[]) => broken.every((id) => queue.connectionIds.includes(id));

/** The queue began after these breaks were noticed. Otherwise, it would show what it repaired before them. */
const begunSince = (broken: string[]) =>
  notExists(sql`(
    select 1 from ${episodes} where ${inArray(episodes.connectionId, broken)}
      and ${episodes.endedAt} is null and ${episodes.noticedAt} > ${reconnectQueues.startedAt})`);

/** The ids of what a sign-in can repair now, the longest stopped first. */
export async function listRepairable(userId: string): Promise<string[]> {
  const db = await database();
  const rows = await db
    .select({ id: connections.id })
    .from(connections)
    .innerJoin(brokerages, eq(brokerages.id, connections.brokerageId))
    .where(and(eq(connections.userId, userId), repairableNow))
    .orderBy(connections.disabledAt, connections.id);
  return rows.map(({ id }) => id);
}

/**
 * Skips one connection of a queue for now.
 * @throws AppError not-found for another person's queue, or for a connection that isn't in it
 */
export async function skipInQueue(userId: string, queueId: string, connectionId: string): Promise<void> {
  const db = await database();
  const skipped = await db
    .update(reconnectQueues)
    .set({
      skippedIds: sql`array_append(array_remove(${reconnectQueues.skippedIds}, ${connectionId}::uuid), ${connectionId}::uuid)`,
    })
    .where(
      and(
        eq(reconnectQueues.id, queueId),
        eq(reconnectQueues.userId, userId),
        sql`${connectionId}::uuid = any(${reconnectQueues.connectionIds})`,
      ),
    )
    .returning({ id: reconnectQueues.id });
  if (skipped.length === 0) throw new AppError("not-found");
}

/** @throws AppError not-found for a queue that is not this person's */
export async function requireOwnQueue(userId: string, queueId: string): Promise<void> {
  if (!(await findQueue(userId, queueId))) throw new AppError("not-found");
}

async function findQueue(userId: string, queueId: string): Promise<QueueRow | undefined> {
  const db = await database();
  return db.query.reconnectQueues.findFirst({
    where: and(eq(reconnectQueues.id, queueId), eq(reconnectQueues.userId, userId)),
  });
}

/**
 * A queue as the dialog shows it, with `currentId` marked; null when this person has no queue with this id.
 */
export async function getQueueView(
  userId: string,
  queueId: string,
  currentId: string | null,
): Promise<QueueView | null> {
  const queue = await findQueue(userId, queueId);
  if (!queue) return null;
  const db = await database();
  const rows = await db.query.connections.findMany({
    where: and(eq(connections.userId, userId), inArray(connections.id, queue.connectionIds)),
    with: {
      brokerage: { columns: { id: true, slug: true, name: true, logoUrl: true } },
      accounts: {
        columns: { id: true, name: true, lastDigits: true },
        where: isNull(brokerageAccounts.missingSince),
        orderBy: [brokerageAccounts.name, brokerageAccounts.id],
      },
    },
  });
  const entries = queue.connectionIds.flatMap((id) => {
    const row = rows.find((candidate) => candidate.id === id);
    if (!row || row.state === "deleted") return [];
    return [
      {
        connectionId: id,
        brokerage: row.brokerage,
        accounts: row.accounts,
        state: stateIn(queue, row, currentId),
      },
    ];
  });
  return { id: queue.id, entries };
}

function stateIn(queue: QueueRow, row: { id: string; state: string }, currentId: string | null) {
  if (row.state === "enabled") return "fixed" as const;
  if (row.id === currentId) return "current" as const;
  return queue.skippedIds.includes(row.id) ? ("skipped" as const) : ("waiting" as const);
}
