import "server-only";
import { and, eq, isNull } from "drizzle-orm";
import { database } from "@/lib/db/client";
import { connections, episodes } from "@/lib/db/schema/connections";
import { AppError } from "@/lib/base/errors";
import { recordWhenBack } from "@/lib/notifications/record";

/**
 * Has this person e-mailed when it is worth trying again to repair this connection, once for its present
 * break.
 * @throws AppError not-found for a connection that is not theirs, not-broken when there is nothing to repair,
 * told-already when they were
 */
export async function notifyWhenBack(userId: string, connectionId: string, now: Date): Promise<void> {
  const db = await database();
  const [connection] = await db
    .select({ episodeId: episodes.id })
    .from(connections)
    .leftJoin(episodes, and(eq(episodes.connectionId, connections.id), isNull(episodes.endedAt)))
    .where(and(eq(connections.userId, userId), eq(connections.id, connectionId)));
  if (!connection) throw new AppError("not-found");
  if (!connection.episodeId) throw new AppError("not-broken");
  if (!(await recordWhenBack(db, { id: connection.episodeId, userId }, now)))
    throw new AppError("already-notified");
}
