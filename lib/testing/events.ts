import { beforeEach } from "vitest";
import { database } from "@/lib/db/client";
import { eventEndpoints, events } from "@/lib/db/schema/events";

/** Before each test of a file, removes all endpoints and events. */
export function withNoEvents(): void {
  beforeEach(async () => {
    const db = await database();
    await db.delete(eventEndpoints);
    await db.delete(events);
  });
}
