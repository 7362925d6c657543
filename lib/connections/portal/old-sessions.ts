import "server-only";
import { and, inArray, lt } from "drizzle-orm";
import { deleteOldest } from "@/lib/db/delete-oldest";
import { portalSessions, reconnectQueues } from "@/lib/db/schema/portal";

/** How long a portal session that changed nothing is kept, for the history of its connection. */
const sessionDays = 180;
/** How long a queue is kept; after half a day it can no longer be resumed. */
const queueDays = 7;
const dayMs = 86_400_000;

/**
 * Deletes portal sessions that changed nothing, half a year after they ended. Those that repaired or made a
 * connection are kept as long as it is, because they say when it began to work, and estimates start there.
 */
export function deleteOldPortalSessions(now: Date): Promise<number> {
  const { endedAt, outcome } = portalSessions;
  const inVain = inArray(outcome, ["failed", "replaced", "not-opened"]);
  const before = new Date(now.getTime() - sessionDays * dayMs);
  return deleteOldest(portalSessions, endedAt, and(inVain, lt(endedAt, before)));
}

/** Deletes queues that nobody will resume. */
export function deleteOldQueues(now: Date): Promise<number> {
  const { startedAt } = reconnectQueues;
  return deleteOldest(reconnectQueues, startedAt, lt(startedAt, new Date(now.getTime() - queueDays * dayMs)));
}
