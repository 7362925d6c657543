import "server-only";
import { and, inArray } from "drizzle-orm";
import { inBackground } from "@/lib/budget";
import { lookIfRequested } from "@/lib/connections/look/look";
import { database, transaction } from "@/lib/db/client";
import type { Transaction } from "@/lib/db/database";
import { isRefusal } from "@/lib/db/errors";
import { emptiedEvent, webhookEvents } from "@/lib/db/schema/work";
import { announceChanges } from "@/lib/live";
import { describeError, log } from "@/lib/base/log";
import { count, eventSpan } from "@/lib/base/telemetry";
import { withOwnId } from "@/lib/base/request-id";
import { coalesce } from "@/lib/base/coalesce";
import { forEachConcurrently } from "@/lib/base/for-each-concurrently";
import { withinTime } from "@/lib/base/time-limit";
import { applyHeartbeats } from "./heartbeats";
import { claim, release } from "./claim";
import { addresseesOf, applyForUser, type Outcome, type StoredEvent } from "./effects";
import { recordFailure, stillOurs, type EventCounts } from "./failures";
import { isolateFailures } from "./isolate-failures";

export interface InboxCounts extends EventCounts {
  /** The parts that failed and left the rest to the next run: "events", "heartbeats", "looks". */
  stopped: string[];
}

const looksAtOnce = 4;
/** For processing events; what is left over waits for the next run. */
const eventsWithinMs = 15_000;
const heartbeatsWithinMs = 10_000;
/** For one transaction with a person's events. */
const attemptWithinMs = 20_000;
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
  await guard("events", stopped, () => applyEvents(counts, toLookAt), undefined);
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

async function applyEvents(counts: InboxCounts, toLookAt: Set<string>): Promise<void> {
  const endsAt = Date.now() + eventsWithinMs;
  for (let againFromStart = lastServed !== ""; Date.now() < endsAt;) {
    const { events, dead, last, more } = await claim(new Date(), lastServed);
    counts.dead += dead;
    lastServed = last ?? "";
    if (events.length > 0) {
      await applyBatch(events, endsAt, counts, toLookAt);
      await eventSpan("webhook announce", { follow: events.map(idOf) }, announceChanges);
    }
    againFromStart ||= more;
    if (last !== null) continue;
    if (!againFromStart) return;
    againFromStart = false;
  }
}

/**
 * Applies events without a user together, and the others per user, so that a failure affects one user. Events
 * that failed before are applied alone.
 */
async function applyBatch(
  batch: StoredEvent[],
  endsAt: number,
  counts: InboxCounts,
  toLookAt: Set<string>,
): Promise<void> {
  const { userOf, nobody } = await findAddressees(batch, endsAt, counts);
  await attempt(
    batch.filter(({ id }) => nobody.has(id)),
    endsAt,
    counts,
    () => Promise.resolve(nobody),
  );
  for (const userId of new Set(userOf.values())) {
    const own = batch.filter(({ id }) => userOf.get(id) === userId);
    const groups = [
      own.filter(isFirstAttempt),
      ...own.filter((event) => !isFirstAttempt(event)).map((event) => [event]),
    ];
    for (const group of groups) {
      if (Date.now() >= endsAt) await release(group);
      else await attempt(group, endsAt, counts, (tx, events) => applyForUser(tx, userId, events, new Date()));
    }
    toLookAt.add(userId);
  }
}

const isFirstAttempt = ({ attempts }: StoredEvent) => attempts === 1;

/** @throws whatever the driver throws when the database is unreachable */
async function findAddressees(batch: StoredEvent[], endsAt: number, counts: InboxCounts) {
  const userOf = new Map<string, string>();
  const nobody = new Map<string, Outcome>();
  const failures = await isolateFailures(batch, endsAt, async (part) => {
    const found = await addresseesOf(await database(), part);
    for (const [id, userId] of found.userOf) userOf.set(id, userId);
    for (const [id, outcome] of found.nobody) nobody.set(id, outcome);
  });
  for (const { items, error } of failures) {
    if (!isRefusal(error)) throw error;
    for (const event of items) await recordFailure(event, event.attempts, error, counts);
  }
  return { userOf, nobody };
}

type Apply = (tx: Transaction, events: StoredEvent[]) => Promise<Map<string, Outcome>>;

/**
 * Applies all events in one transaction; if that fails, each on its own, so that a bad one holds up no other.
 */
async function attempt(
  events: StoredEvent[],
  endsAt: number,
  counts: InboxCounts,
  apply: Apply,
): Promise<void> {
  if (events.length === 0) return;
  try {
    await eventSpan("webhook apply", { follow: events.map(idOf) }, () =>
      withinTime(attemptWithinMs, () =>
        transaction(async (tx) => markDone(tx, events, await apply(tx, events))),
      ),
    );
    counts.done += events.length;
  } catch (error) {
    if (error instanceof LeaseLost) return;
    // The events of a group that ran out of time are retried one by one.
    const alone = events.length === 1 || Date.now() >= endsAt;
    for (const event of events)
      await (alone
        ? recordFailure(event, event.attempts, error, counts)
        : attempt([event], endsAt, counts, apply));
  }
}

/** Another worker has claimed the event since, and its attempt is the one that counts. */
class LeaseLost extends Error {}

async function markDone(
  tx: Transaction,
  events: StoredEvent[],
  outcomes: Map<string, Outcome>,
): Promise<void> {
  for (const attempts of new Set(events.map((event) => event.attempts))) {
    for (const outcome of new Set(outcomes.values())) {
      const group = events.filter(
        (event) => event.attempts === attempts && outcomes.get(event.id) === outcome,
      );
      if (group.length === 0) continue;
      const marked = await tx
        .update(webhookEvents)
        .set({ state: "done", outcome, lastError: null, ...(isAboutNobody(outcome) ? emptiedEvent : {}) })
        .where(and(inArray(webhookEvents.id, group.map(idOf)), stillOurs(attempts)))
        .returning({ id: webhookEvents.id });
      if (marked.length < group.length) throw new LeaseLost();
      for (const { type } of group) count("reconnect.webhook.events", { type, outcome });
    }
  }
}

/**
 * True if the event isn't about any of our users. It may be about someone whose account was deleted, so its
 * contents must not be kept.
 */
const isAboutNobody = (outcome: Outcome) => outcome === "unknown-user" || outcome === "other-client";

const idOf = ({ id }: StoredEvent) => id;
