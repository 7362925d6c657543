import "server-only";
import { eq } from "drizzle-orm";
import { connections } from "@/lib/db/schema/connections";
import { recentLifetimes, signedInAt, type Lifetimes } from "@/lib/connections/observations/lifetimes";
import type { ConnectionDetailView } from "@/lib/connections/views";
import { toView } from "./connection-view";
import { findConnections, freshnessOf, getKnowledge, neverLooked, type ConnectionRow } from "./rows";
import type { Moment } from "./status";
import { timelineOf } from "./timeline";

/**
 * One of this person's connections with its history; null when they have none with this id. Costs two
 * statements, apart from the lifetimes that are read every ten minutes.
 */
export async function getConnectionDetail(
  userId: string,
  connectionId: string,
  moment: Moment,
): Promise<ConnectionDetailView | null> {
  const { version, look } = await getKnowledge(userId);
  const rows = await findConnections(eq(connections.userId, userId));
  const row = rows.find(({ id }) => id === connectionId);
  if (!row) return null;
  const lifetimes = await recentLifetimes();
  return {
    version,
    connection: toView(row, rows, look ?? neverLooked, lifetimes, moment),
    lifetime: lifetimeOf(row, lifetimes.get(row.brokerage.id)),
    timeline: timelineOf(row, look?.lookedAt ?? null),
    earlier: row.episodes
      .slice(1)
      .flatMap(({ id, brokeAt, endedAt, endedHow }) =>
        endedAt && endedHow ? [{ id, brokeAt, endedAt, endedHow }] : [],
      ),
    ...freshnessOf(look, rows, moment),
  };
}

/** How long the connection worked before its newest break, next to what is usual at its brokerage. */
function lifetimeOf(row: ConnectionRow, lifetimes: Lifetimes | undefined) {
  const [newest] = row.episodes;
  const since = newest ? signedInAt(row, newest.brokeAt) : null;
  const usual = lifetimes?.[9];
  if (!newest || !since || !usual) return null;
  return {
    usualDays: Math.round(usual),
    lastedDays: Math.round((newest.brokeAt.getTime() - since.getTime()) / 86_400_000),
  };
}
