import "server-only";
import { and, eq, isNull } from "drizzle-orm";
import { database } from "@/lib/db/client";
import { connections, episodes } from "@/lib/db/schema/connections";
import { users } from "@/lib/db/schema/users";
import { AppError } from "@/lib/base/errors";
import { refuseInShadow } from "@/lib/base/mode";
import { recordWhenBack } from "@/lib/notifications/record";

/**
 * Records that this person wants one e-mail, for the current break, when it is worth trying to sign in again.
 * @throws AppError shadow-mode, not-found for another person's connection, not-broken when there is nothing to repair,
 * already-notified when that e-mail may have been sent, no-address when we
 * know no address to send it to
 */
export async function notifyWhenBack(userId: string, connectionId: string, now: Date): Promise<void> {
  refuseInShadow();
  const db = await database();
  const [connection] = await db
    .select({ episodeId: episodes.id, address: users.email })
    .from(connections)
    .innerJoin(users, eq(users.id, connections.userId))
    .leftJoin(episodes, and(eq(episodes.connectionId, connections.id), isNull(episodes.endedAt)))
    .where(and(eq(connections.userId, userId), eq(connections.id, connectionId)));
  if (!connection) throw new AppError("not-found");
  if (!connection.episodeId) throw new AppError("not-broken");
  if (connection.address === null) throw new AppError("no-address");
  if (!(await recordWhenBack(db, { id: connection.episodeId, userId }, now)))
    throw new AppError("already-notified");
}
