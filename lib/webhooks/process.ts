import "server-only";
import { inBackground } from "@/lib/budget";
import { lookIfRequested } from "@/lib/connections/look/look";
import { describeError, log } from "@/lib/base/log";
import { withOwnId } from "@/lib/base/request-id";
import { coalesce } from "@/lib/base/coalesce";
import { forEachConcurrently } from "@/lib/base/for-each-concurrently";
import { applyHeartbeats } from "./heartbeats";
import type { EventCounts } from "./failures";
import { applyWaiting, everyone, peopleWithOpenPage, type Line } from "./lines";

export interface InboxCounts extends EventCounts {
  /** The parts that failed and left the rest to the next run: "events", "heartbeats", "looks". */
  stopped: string[];
}

const looksAtOnce = 4;
const heartbeatsWithinMs = 10_000;
const looksPace = { atOnce: looksAtOnce, withinMs: 10_000, eachWithinMs: 15_000 };
const burstMs = 250;

/**
 * Processes the waiting events, and looks at the people for whom they request it. Any number of processes may
 * do this at once: an event's effect and its "done" mark are one transaction, so it is applied once, however
 * often it is tried. Never throws: an event's failure is recorded with the event, and any other failure is
 * logged and named in the counts.
 */
export function processInbox(): Promise<InboxCounts> {
  return drainAll([drain, drainForOpenPages]);
}

/**
 * Like processInbox, but only for the people with an open page in this process, and without waiting for
 * anyone else's events (docs/decisions/0024).
 */
export function processForOpenPages(): Promise<InboxCounts> {
  return withOwnId("inbox", () => drainAll([drainForOpenPages]));
}

async function drainAll(drains: (() => Promise<Drained>)[]): Promise<InboxCounts> {
  const { counts, toLookAt } = nothingYet();
  const add = async (drain: () => Promise<Drained>) => {
    const drained = await drain();
    addCounts(counts, drained.counts);
    counts.stopped.push(...drained.counts.stopped);
    for (const userId of drained.toLookAt) toLookAt.add(userId);
  };
  await Promise.all(drains.map((one) => guard("events", counts, () => add(one))));
  // Only people for whom a look was requested; the timer handles those left over.
  const failed = await forEachConcurrently([...toLookAt], looksPace, (userId) =>
    inBackground(() => lookIfRequested(userId, new Date(), "timer")),
  );
  if (failed.length > 0) counts.stopped.push("looks");
  return counts;
}

async function guard(name: string, { stopped }: InboxCounts, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    log.error(
      { part: name, ...describeError(error) },
      "A part of the inbox could not be processed; continuing with the others",
    );
    stopped.push(name);
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

const nothingYet = (): Drained => ({
  counts: { done: 0, failed: 0, dead: 0, stopped: [] },
  toLookAt: new Set(),
});

const drain = coalesce(async () => {
  const drained = await drainLine(everyone);
  const { counts } = drained;
  await guard("heartbeats", counts, async () =>
    addCounts(counts, await applyHeartbeats(new Date(), Date.now() + heartbeatsWithinMs)),
  );
  return drained;
});

const drainForOpenPages = coalesce(() => drainLine(peopleWithOpenPage));

async function drainLine(line: Line): Promise<Drained> {
  const drained = nothingYet();
  await guard("events", drained.counts, () => applyWaiting(line, drained.counts, drained.toLookAt));
  return drained;
}

function addCounts(sum: EventCounts, { done, failed, dead }: EventCounts) {
  sum.done += done;
  sum.failed += failed;
  sum.dead += dead;
}
