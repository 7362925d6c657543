import "server-only";
import { asc, eq, sql } from "drizzle-orm";
import type { Transaction } from "@/lib/db/database";
import { uuids } from "@/lib/db/recordset";
import { eventDeliveries, events } from "@/lib/db/schema/events";

/**
 * Erases the contents of this person's events, and deletes their deliveries. Ids and places of published events
 * stay, so that whoever knows one of them can still read on after it (lib/events/stream.ts). The caller has
 * locked the person, so nothing more is recorded about them.
 */
export async function eraseEvents(tx: Transaction, userId: string): Promise<void> {
  // In the order in which they are published, so that neither waits for the other.
  const own = await tx
    .select({ id: events.id })
    .from(events)
    .where(eq(events.userId, userId))
    .orderBy(asc(events.recorded))
    .for("update");
  if (own.length === 0) return;
  const ids = uuids(own.map(({ id }) => id));
  await tx.delete(eventDeliveries).where(sql`event_id = any(${ids})`);
  await tx.delete(events).where(sql`id = any(${ids}) and position is null`);
  await tx
    .update(events)
    .set({ userId: null, connectionId: null, data: {} })
    .where(sql`id = any(${ids})`);
}
