import "server-only";
import { announceChanges, listFollowed } from "@/lib/live";
import { eventSpan } from "@/lib/base/telemetry";
import { applyBatch } from "./apply-batch";
import { claim } from "./claim";
import type { EventCounts } from "./failures";

/** For processing the events of one line. */
const eventsWithinMs = 15_000;

/** People who take turns with their waiting events. */
export interface Line {
  /** Of our users; null for everyone. */
  among: () => string[] | null;
  /** Where the next run continues, so that everyone gets a turn, however many come before them. */
  lastServed: string;
}

/** Everyone with waiting events. */
export const everyone: Line = { among: () => null, lastServed: "" };
/** Those who would see the effect at once. They are in both lines, which are served side by side. */
export const peopleWithOpenPage: Line = { among: listFollowed, lastServed: "" };

/**
 * Applies the waiting events of a line, batch after batch, until there are none or the time is up; adds to
 * `counts` and to the people for whom a look was requested.
 * @throws whatever the driver throws when the database is unreachable
 */
export async function applyWaiting(line: Line, counts: EventCounts, toLookAt: Set<string>): Promise<void> {
  const endsAt = Date.now() + eventsWithinMs;
  for (let againFromStart = line.lastServed !== ""; Date.now() < endsAt;) {
    const among = line.among();
    if (among?.length === 0) return;
    const { events, dead, last, more } = await claim(new Date(), line.lastServed, among);
    counts.dead += dead;
    line.lastServed = last ?? "";
    if (events.length > 0) {
      await applyBatch(events, endsAt, counts, toLookAt);
      await eventSpan("webhook announce", { follow: events.map(({ id }) => id) }, announceChanges);
    }
    againFromStart ||= more;
    if (last !== null) continue;
    if (!againFromStart) return;
    againFromStart = false;
  }
}
