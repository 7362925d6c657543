import "server-only";
import { and, eq, lt } from "drizzle-orm";
import { keepDays, type DailyTable } from "@/lib/db/days";
import { deleteOldest } from "@/lib/db/delete-oldest";
import { inboxEvents } from "@/lib/db/schema/webhooks";

/** How long processed and dead events are kept. */
export const eventDays = 90;
/**
 * How long a copy of an event is recognized. SnapTrade's last retry comes within hours. An event that
 * happened longer ago may be a copy, so it only requests a look (effects.ts).
 */
export const idDays = 14;

const events: DailyTable = { name: "webhook_events", column: "received_at", keptDays: eventDays };
const ids: DailyTable = { name: "webhook_event_ids", column: "day", keptDays: idDays };

/** Makes the coming days of the processed events and drops the oldest; see keepDays. */
export const keepEventDays = (now: Date) => keepDays(events, now);

/** Makes the coming days of the ids and drops the oldest; see keepDays. */
export const keepIdDays = (now: Date) => keepDays(ids, now);

/** Deletes old dead events, and with them whatever their payloads say about people. */
export function deleteDeadEvents(now: Date): Promise<number> {
  const { receivedAt, state } = inboxEvents;
  const before = new Date(now.getTime() - eventDays * 86_400_000);
  return deleteOldest(inboxEvents, receivedAt, and(eq(state, "dead"), lt(receivedAt, before)));
}
