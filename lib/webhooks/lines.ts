import "server-only";
import { announceChanges, listFollowed } from "@/lib/live";
import { eventSpan } from "@/lib/base/telemetry";
import { applyBatch } from "./apply-batch";
import { claim, type Whom } from "./claim";
import type { EventCounts } from "./failures";

/** For processing the events of one line. */
const eventsWithinMs = 15_000;

/** People who take turns with their waiting events. */
export interface Line {
  whom: () => Whom;
  /** Where the next run continues, so that everyone gets a turn, however many are ahead of them. */
  lastServed: string;
}

/**
 * Everyone with waiting events. Fresh events of those in the other line are left to it, because here they
 * would be part of a large batch.
 */
export const everyone: Line = { whom: () => ({ except: listFollowed() }), lastServed: "" };
/** Those who would see the effect at once. The lines are served side by side. */
export const peopleWithOpenPage: Line = { whom: () => ({ among: listFollowed() }), lastServed: "" };

/**
 * Applies the waiting events of a line, batch after batch, until there are none or the time is up; adds to
 * `counts` and to the people for whom a look was requested.
 * @throws whatever the driver throws when the database is unreachable
 */
export async function applyWaiting(line: Line, counts: EventCounts, toLookAt: Set<string>): Promise<void> {
  const endsAt = Date.now() + eventsWithinMs;
  for (let againFromStart = line.lastServed !== ""; Date.now() < endsAt;) {
    const whom = line.whom();
    if (whom.among?.length === 0) return;
    const { events, dead, last, more } = await claim(new Date(), line.lastServed, whom);
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
