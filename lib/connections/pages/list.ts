import "server-only";
import { and, eq, gt, ne, or } from "drizzle-orm";
import { connections } from "@/lib/db/schema/connections";
import { recentLifetimes } from "@/lib/connections/observations/lifetimes";
import { isShadow } from "@/lib/base/mode";
import type { ConnectionsView, ConnectionView } from "@/lib/connections/views";
import { toView } from "./connection-view";
import { findConnections, freshnessOf, getKnowledge, neverLooked } from "./rows";
import type { Moment } from "./status";

const urgency = ["needs-you", "nothing-to-do", "connected"];

/**
 * A person's connections, most urgent first; one that is gone stays for a day, so that its removal is
 * visible. The version is read first, so it is never newer than what is shown. Costs two statements, apart
 * from the lifetimes that are read every ten minutes.
 */
export async function listConnectionViews(userId: string, moment: Moment): Promise<ConnectionsView> {
  const goneSince = new Date(moment.now.getTime() - 24 * 3_600_000);
  const { version, look, gone, unreadable } = await getKnowledge(userId);
  const rows = await findConnections(
    and(
      eq(connections.userId, userId),
      or(ne(connections.state, "deleted"), gt(connections.observedAt, goneSince)),
    ),
  );
  const lifetimes = await recentLifetimes();
  const views = rows.map((row) => toView(row, rows, look ?? neverLooked, lifetimes, moment));
  views.sort((one, other) => urgency.indexOf(one.group) - urgency.indexOf(other.group) || byAge(one, other));
  const known = look?.lookedAt !== null;
  const about = { version, gone, known, unreadable, repairsOff: isShadow() };
  return { ...about, connections: views, ...freshnessOf(look, rows, moment) };
}

function byAge(one: ConnectionView, other: ConnectionView): number {
  const brokeAt = (view: ConnectionView) => view.disabledAt?.getTime() ?? Number.MAX_SAFE_INTEGER;
  return brokeAt(one) - brokeAt(other) || one.brokerage.name.localeCompare(other.brokerage.name);
}
