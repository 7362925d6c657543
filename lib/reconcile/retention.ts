import "server-only";
import { sql } from "drizzle-orm";
import { deleteOldApiRequests } from "@/lib/api/idempotency";
import { deleteOldFormerUsers } from "@/lib/account/former-users";
import { deleteExpiredHandOffs, deleteExpiredSignInLinks, deleteIdleSessions } from "@/lib/auth/expired";
import { describeError, log } from "@/lib/base/log";
import { deleteOldIncidents, deleteOldObservations } from "@/lib/connections/observations/old-observations";
import { deleteOldPortalSessions, deleteOldQueues } from "@/lib/connections/portal/old-sessions";
import { database } from "@/lib/db/client";
import { deleteOldRelays } from "@/lib/events/relay";
import { deleteOldEvents } from "@/lib/events/retention";
import { deleteOldSessions } from "@/lib/fix-sessions/ending/due";
import { deleteExpiredFixLinks, deleteOldNotices } from "@/lib/notifications/old-notices";
import { deleteDeadEvents, keepEventDays, keepIdDays } from "@/lib/webhooks/retention";

type Removed = number | { dropped: number; removed: number };

/**
 * What removes old rows from which table; docs/growth.md says how long each is kept, and why. Everything else
 * belongs to a person and is deleted with their account. `snaptrade_calls` has a step of its own.
 */
const tables: Record<string, (now: Date) => Promise<Removed>> = {
  webhook_event_ids: keepIdDays,
  webhook_events: keepEventDays,
  inbox_events: deleteDeadEvents,
  sessions: deleteIdleSessions,
  verification_tokens: deleteExpiredSignInLinks,
  hand_offs: deleteExpiredHandOffs,
  api_requests: deleteOldApiRequests,
  fix_links: deleteExpiredFixLinks,
  fix_sessions: deleteOldSessions,
  notices: deleteOldNotices,
  reconnect_queues: deleteOldQueues,
  portal_sessions: deleteOldPortalSessions,
  observations: deleteOldObservations,
  events: deleteOldEvents,
  webhook_relays: deleteOldRelays,
  incidents: deleteOldIncidents,
  former_snaptrade_users: deleteOldFormerUsers,
};

export interface RetentionCounts {
  /** How many rows or days were removed, by table; leaves out tables from which nothing was. */
  removed: Record<string, Removed>;
  /** The tables that failed. */
  failed: string[];
}

/** Where the next call starts, so that every table gets its turn, however slow the others are. */
let first = 0;

/**
 * Removes a bounded batch of what is past its time from each table, and makes the coming days' partitions. A
 * table that fails stops no other. Safe to run in several processes at once.
 * @param now our clock; if the database's is behind, the database's counts, so that a clock that is briefly
 *   wrong removes nothing too early
 * @param withinMs tables that aren't reached within this time come first in the next call
 */
export async function removeOld(now: Date, withinMs: number): Promise<RetentionCounts> {
  const endsAt = Date.now() + withinMs;
  const earlier = await earlierOf(now);
  const counts: RetentionCounts = { removed: {}, failed: [] };
  const all = Object.entries(tables);
  const inTurn = [...all.slice(first), ...all.slice(0, first)];
  for (const [table, remove] of inTurn) {
    first = (first + 1) % all.length;
    try {
      const removed = await remove(earlier);
      const some = typeof removed === "number" ? removed > 0 : removed.dropped + removed.removed > 0;
      if (some) counts.removed[table] = removed;
    } catch (error) {
      log.error(
        { table, ...describeError(error) },
        "Old rows could not be removed; continuing with the others",
      );
      counts.failed.push(table);
    }
    if (Date.now() >= endsAt) break;
  }
  return counts;
}

async function earlierOf(now: Date): Promise<Date> {
  const db = await database();
  const found: unknown = await db.execute(sql`select extract(epoch from now())::float8 * 1000 as ms`);
  const [row] = (found as { rows: { ms: number }[] }).rows;
  return new Date(Math.min(now.getTime(), row?.ms ?? now.getTime()));
}
