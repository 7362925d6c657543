import "server-only";
import { and, eq, ne } from "drizzle-orm";
import { database } from "@/lib/db/client";
import { connections } from "@/lib/db/schema/connections";
import type { SnapTradeCredentials } from "@/lib/snaptrade/client";
import { isConnectionGone, listConnections, type SeenConnection } from "@/lib/snaptrade/connections";
import { SnapTradeFailure } from "@/lib/snaptrade/failure";

/** A connection younger than this may be missing from a lagging list, so it is never concluded gone. */
const youngMs = 5 * 60_000;
/** Each missing connection costs a request; the rest wait for the next look. */
const maxAskedById = 5;

/** What SnapTrade answered about all connections of one person; both times on its clock. */
export interface Answer {
  seen: SeenConnection[];
  /** Listed in a form we can't read; null for one without a readable id. */
  unreadable: { id: string | null }[];
  /** Known here, no longer listed, and denied by id. */
  gone: string[];
  askedAt: Date;
  answeredAt: Date;
}

/**
 * Asks SnapTrade for all connections of a person, and by id for those that it no longer lists. Changes nothing here.
 * @throws SnapTradeFailure when the list can't be read
 */
export async function readConnections(userId: string, credentials: SnapTradeCredentials): Promise<Answer> {
  const { data, askedAt, answeredAt } = await listConnections(credentials);
  const { items: seen, unreadable } = data;
  const gone = await confirmGone(userId, credentials, [...seen, ...unreadable], askedAt);
  return { seen, unreadable, gone, askedAt, answeredAt };
}

/**
 * A connection missing from the list counts as gone only when SnapTrade also denies it by id, and never while
 * it is new: lists may lag (docs/snaptrade.md §8.2, §8.17). If that question fails, nothing is concluded
 * about this connection, and the others still count.
 */
async function confirmGone(
  userId: string,
  credentials: SnapTradeCredentials,
  listed: Answer["unreadable"],
  askedAt: Date,
): Promise<string[]> {
  const db = await database();
  const known = await db
    .select({
      id: connections.id,
      firstObservedAt: connections.firstObservedAt,
      connectedSince: connections.connectedSince,
      removalRequestedAt: connections.removalRequestedAt,
    })
    .from(connections)
    .where(and(eq(connections.userId, userId), ne(connections.state, "deleted")));
  const present = new Set(listed.map(({ id }) => id));
  const isSince = (at: Date | null) => at !== null && askedAt.getTime() - at.getTime() < youngMs;
  const missing = known.filter(
    ({ id, firstObservedAt, connectedSince, removalRequestedAt }) =>
      !present.has(id) &&
      (removalRequestedAt !== null || !(isSince(firstObservedAt) || isSince(connectedSince))),
  );
  const gone: string[] = [];
  for (const { id } of missing.slice(0, maxAskedById)) {
    const denied = await isConnectionGone(credentials, id).catch((error: unknown) => {
      if (error instanceof SnapTradeFailure) return false;
      throw error;
    });
    if (denied) gone.push(id);
  }
  return gone;
}
