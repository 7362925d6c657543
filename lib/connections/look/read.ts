import "server-only";
import { and, eq, ne } from "drizzle-orm";
import { database } from "@/lib/db/client";
import { connections } from "@/lib/db/schema/connections";
import type { SnapTradeCredentials } from "@/lib/snaptrade/client";
import { isConnectionGone, listConnections, type SeenConnection } from "@/lib/snaptrade/connections";
import { SnapTradeFailure } from "@/lib/snaptrade/failure";

/** A lagging list may lack a connection younger than this, so it is never concluded gone. */
const youngMs = 5 * 60_000;
/** Each missing connection costs a request; the rest wait for the next look. */
const maxAskedById = 5;

/** SnapTrade's answer about one person's connections. Times are on SnapTrade's clock. */
export interface Answer {
  seen: SeenConnection[];
  /** Listed in a form we can't read; the id is null if that is unreadable too. */
  unreadable: { id: string | null }[];
  /** Ids of connections that we know, and that SnapTrade neither lists nor finds by id. */
  gone: string[];
  askedAt: Date;
  answeredAt: Date;
}

/**
 * Reads a person's connections (docs/snaptrade.md §3.1), and asks by id for those no longer listed. Writes
 * nothing.
 * @throws SnapTradeFailure when the list can't be read
 */
export async function readConnections(userId: string, credentials: SnapTradeCredentials): Promise<Answer> {
  const { data, askedAt, answeredAt } = await listConnections(credentials);
  const { items: seen, unreadable } = data;
  const gone = await confirmGone(userId, credentials, [...seen, ...unreadable], askedAt);
  return { seen, unreadable, gone, askedAt, answeredAt };
}

/**
 * A connection missing from the list is gone only if SnapTrade also denies it by id, and never while it is
 * new, because lists may lag (docs/snaptrade.md §8.2, §8.17). If asking by id fails, that connection stays.
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
