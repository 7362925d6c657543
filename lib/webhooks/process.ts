import "server-only";
import { inBackground } from "@/lib/budget";
import { lookIfRequested } from "@/lib/connections/look/look";
import { announceChanges } from "@/lib/live";
import { describeError, log } from "@/lib/base/log";
import { eventSpan } from "@/lib/base/telemetry";
import { withOwnId } from "@/lib/base/request-id";
import { coalesce } from "@/lib/base/coalesce";
import { forEachConcurrently } from "@/lib/base/for-each-concurrently";
import { applyHeartbeats } from "./heartbeats";
import { applyBatch } from "./apply-batch";
import { claim } from "./claim";
import type { EventCounts } from "./failures";

export interface InboxCounts extends EventCounts {
  /** The parts that failed and left the rest to the next run: "events", "heartbeats", "looks". */
  stopped: string[];
}

const looksAtOnce = 4;
/** For processing events; what is left over waits for the next run. */
const eventsWithinMs = 15_000;
const heartbeatsWithinMs = 10_000;
const looksPace = { atOnce: looksAtOnce, withinMs: 10_000, eachWithinMs: 15_000 };
const burstMs = 250;

/**
 * Processes the waiting events, and looks at the people for whom they request it. Any number of processes may
 * do this at once: an event's effect and its "done" mark are one transaction, so it is applied once, however
 * often it is tried. Never throws: an event's failure is recorded with the event, and any other failure is
 * logged and named in the counts.
 */
export async function processInbox(): Promise<InboxCounts> {
  const stopped: string[] = [];
  const { counts, toLookAt } = await guard("events", stopped, drain, {
    counts: { done: 0, failed: 0, dead: 0, stopped: [] },
    toLookAt: new Set<string>(),
  });
  // Only people for whom a look was requested; the timer handles those left over.
  const failed = await forEachConcurrently([...toLookAt], looksPace, (userId) =>
    inBackground(() => lookIfRequested(userId, new Date(), "timer")),
  );
  if (failed.length > 0) stopped.push("looks");
  return { ...counts, stopped: [...counts.stopped, ...stopped] };
}

async function guard<T>(name: string, stopped: string[], work: () => Promise<T>, otherwise: T): Promise<T> {
  try {
    return await work();
  } catch (error) {
    log.error(
      { part: name, ...describeError(error) },
      "A part of the inbox could not be processed; continuing with the others",
    );
    stopped.push(name);
    return otherwise;
  }
}

let begunAt = 0;
let gatheringUntil = 0;

/**
 * The work to do after responding: an event that arrives alone is processed at once, and events in a burst
 * are processed together. Failures are logged and left to the timer.
 * @returns null if an earlier call will also process what was just stored
 */
export function workAfterAnswer(): (() => Promise<void>) | null {
  if (Date.now() < gatheringUntil) return null;
  // If the platform drops work after a response, a later response takes over.
  gatheringUntil = Date.now() + 4 * burstMs;
  return async () => {
    await new Promise((resolve) => setTimeout(resolve, begunAt + burstMs - Date.now()));
    gatheringUntil = 0;
    begunAt = Date.now();
    await withOwnId("inbox", processInbox).catch((error: unknown) =>
      log.error(describeError(error), "The inbox could not be processed"),
    );
  };
}

/** One run's counts, and the people for whom its events may have requested a look. */
interface Drained {
  counts: InboxCounts;
  toLookAt: Set<string>;
}

const drain = coalesce(async (): Promise<Drained> => {
  const stopped: string[] = [];
  const counts: InboxCounts = { done: 0, failed: 0, dead: 0, stopped };
  const toLookAt = new Set<string>();
  await guard("events", stopped, () => applyWaiting(counts, toLookAt), undefined);
  await guard(
    "heartbeats",
    stopped,
    async () => {
      const { done, failed, dead } = await applyHeartbeats(new Date(), Date.now() + heartbeatsWithinMs);
      counts.done += done;
      counts.failed += failed;
      counts.dead += dead;
    },
    undefined,
  );
  return { counts, toLookAt };
});

/** Where the next run continues, so that everyone on the list gets a turn, however many come before them. */
let lastServed = "";

async function applyWaiting(counts: InboxCounts, toLookAt: Set<string>): Promise<void> {
  const endsAt = Date.now() + eventsWithinMs;
  for (let againFromStart = lastServed !== ""; Date.now() < endsAt;) {
    const { events, dead, last, more } = await claim(new Date(), lastServed);
    counts.dead += dead;
    lastServed = last ?? "";
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
