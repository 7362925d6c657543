import "server-only";
import { lt } from "drizzle-orm";
import { deleteOldest } from "@/lib/db/delete-oldest";
import { events } from "@/lib/db/schema/events";

/** How long events are kept, delivered or not. */
const eventDays = 30;

/** Deletes old events, and with them the deliveries that never succeeded. */
export function deleteOldEvents(now: Date): Promise<number> {
  const before = new Date(now.getTime() - eventDays * 86_400_000);
  return deleteOldest(events, events.recordedAt, lt(events.recordedAt, before));
}
