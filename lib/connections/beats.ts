import "server-only";
import { and, eq, isNull, lt, or } from "drizzle-orm";
import type { Transaction } from "@/lib/db/database";
import { connections } from "@/lib/db/schema";

/** A sign of life: one of the connection's accounts had its holdings updated (FACTS 6.2). Times on SnapTrade's clock. */
export interface Beat {
  connectionId: string;
  userId: string;
  at: Date;
}

/**
 * Keeps the newest sign of life of each connection, one row update for each however many beats there are.
 * A beat of a connection that is another user's, or nobody's, changes nothing.
 */
export async function noteBeats(tx: Transaction, beats: Beat[]): Promise<void> {
  const newest = new Map<string, Beat>();
  for (const beat of [...beats].sort((one, other) => one.at.getTime() - other.at.getTime())) newest.set(`${beat.connectionId} ${beat.userId}`, beat);
  const inOrder = [...newest.values()].sort((one, other) => (one.connectionId < other.connectionId ? -1 : 1));
  for (const { connectionId, userId, at } of inOrder) {
    await tx
      .update(connections)
      .set({ lastBeatAt: at })
      .where(
        and(eq(connections.id, connectionId), eq(connections.userId, userId), or(isNull(connections.lastBeatAt), lt(connections.lastBeatAt, at))),
      );
  }
}
