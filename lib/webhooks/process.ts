import "server-only";
import { and, eq, inArray, sql } from "drizzle-orm";
import { inBackground } from "@/lib/budget";
import { lookIfDue } from "@/lib/connections/look";
import { database, transaction } from "@/lib/db/client";
import type { Transaction } from "@/lib/db/database";
import { webhookEvents } from "@/lib/db/work-schema";
import { announceChanges } from "@/lib/live";
import { describeError, log } from "@/lib/log";
import { oneAtATime } from "@/lib/one-at-a-time";
import { someAtOnce } from "@/lib/some-at-once";
import { applyBeats } from "./beats";
import { addresseesOf, applyForUser, eventColumns, type Outcome, type StoredEvent } from "./effects";

export interface InboxCounts {
  done: number;
  /** To be tried again. */
  failed: number;
  /** Given up after the last attempt, with the reason. */
  dead: number;
}

const batchSize = 200;
const mostAttempts = 8;
/** Whoever took an event and did nothing for this long is taken for dead. */
const leaseMs = 60_000;
const firstGapMs = 5_000;
const looksAtOnce = 4;
/** For the events, and again for the looks; what is left then waits for the next time. */
const withinMs = 15_000;
const crowdMs = 250;

/**
 * Works off what waits in the inbox, and looks at the people of whom something must be asked. Any number of processes may do so at once.
 * The effect of an event and the mark that it is done are one transaction, so it is applied once, however often it is tried.
 */
export async function processInbox(): Promise<InboxCounts> {
  const { counts, toLookAt } = await drain();
  // Only who is due is asked about; those who are left stay due, for the timer.
  await someAtOnce([...toLookAt], { atOnce: looksAtOnce, withinMs }, (userId) => inBackground(() => lookIfDue(userId, new Date(), "timer")));
  return counts;
}

let begunAt = 0;
let gathering = false;

/**
 * What is to be done after an answer: an event that comes alone is worked off at once, those of a crowd go together.
 * What goes wrong is logged and left to the timer.
 * @returns null when what has just been stored is waited for already
 */
export function workAfterAnswer(): (() => Promise<void>) | null {
  if (gathering) return null;
  gathering = true;
  return async () => {
    await new Promise((resolve) => setTimeout(resolve, begunAt + crowdMs - Date.now()));
    gathering = false;
    begunAt = Date.now();
    await processInbox().catch((error: unknown) => log.error(describeError(error), "The inbox could not be worked off"));
  };
}

const drain = oneAtATime(async () => {
  const counts: InboxCounts = { done: 0, failed: 0, dead: 0 };
  const toLookAt = new Set<string>();
  const endsAt = Date.now() + withinMs;
  for (let taken = batchSize; taken === batchSize && Date.now() < endsAt;) {
    const batch = await claim(new Date());
    taken = batch.length;
    if (taken === 0) break;
    await applyBatch(batch, counts, toLookAt);
    await announceChanges();
  }
  counts.done += await applyBeats(new Date());
  return { counts, toLookAt };
});

/** Takes events under a lease. One whose last attempt never came to an end is buried instead. */
async function claim(now: Date): Promise<StoredEvent[]> {
  const db = await database();
  const free = sql`select id from ${webhookEvents} where state = 'waiting' and type <> 'ACCOUNT_HOLDINGS_UPDATED' and next_attempt_at <= ${now.toISOString()}::timestamptz order by next_attempt_at limit ${batchSize} for update skip locked`;
  const taken = await db
    .update(webhookEvents)
    .set({
      attempts: sql`least(${webhookEvents.attempts} + 1, ${mostAttempts})`,
      state: sql`case when ${webhookEvents.attempts} >= ${mostAttempts} then 'dead' else 'waiting' end`,
      problem: sql`case when ${webhookEvents.attempts} >= ${mostAttempts} then coalesce(${webhookEvents.problem}, 'It was never finished') else ${webhookEvents.problem} end`,
      nextAttemptAt: new Date(now.getTime() + leaseMs),
    })
    .where(sql`${webhookEvents.id} in (${free})`)
    .returning(eventColumns);
  return taken.filter(({ state }) => state === "waiting").sort((one, other) => one.receivedAt.getTime() - other.receivedAt.getTime());
}

/** Events about nobody go together; the others by user, so that a failure stays with one user. */
async function applyBatch(batch: StoredEvent[], counts: InboxCounts, toLookAt: Set<string>): Promise<void> {
  const { userOf, nobody } = await addresseesOf(await database(), batch);
  await attempt(
    batch.filter(({ id }) => nobody.has(id)),
    counts,
    () => Promise.resolve(nobody),
  );
  for (const userId of new Set(userOf.values())) {
    const own = batch.filter(({ id }) => userOf.get(id) === userId);
    await attempt(own, counts, (tx, events) => applyForUser(tx, userId, events, new Date()));
    toLookAt.add(userId);
  }
}

type Apply = (tx: Transaction, events: StoredEvent[]) => Promise<Map<string, Outcome>>;

/** One transaction for all; when that fails each on its own, so that a bad one holds up no other. */
async function attempt(events: StoredEvent[], counts: InboxCounts, apply: Apply): Promise<void> {
  if (events.length === 0) return;
  try {
    await transaction(async (tx) => markDone(tx, events, await apply(tx, events)));
    counts.done += events.length;
  } catch (error) {
    if (error instanceof LeaseLost) return;
    const [only, ...others] = events;
    if (only && others.length === 0) await noteFailure(only, error, counts);
    else for (const event of events) await attempt([event], counts, apply);
  }
}

/** Somebody else has taken the event since; theirs is the attempt that counts. */
class LeaseLost extends Error {}

async function markDone(tx: Transaction, events: StoredEvent[], outcomes: Map<string, Outcome>): Promise<void> {
  for (const attempts of new Set(events.map((event) => event.attempts))) {
    for (const outcome of new Set(outcomes.values())) {
      const group = events.filter((event) => event.attempts === attempts && outcomes.get(event.id) === outcome);
      if (group.length === 0) continue;
      const marked = await tx
        .update(webhookEvents)
        .set({ state: "done", outcome, problem: null })
        .where(and(inArray(webhookEvents.id, group.map(idOf)), stillOurs(attempts)))
        .returning({ id: webhookEvents.id });
      if (marked.length < group.length) throw new LeaseLost();
    }
  }
}

const idOf = ({ id }: StoredEvent) => id;
const stillOurs = (attempts: number) => and(eq(webhookEvents.state, "waiting"), eq(webhookEvents.attempts, attempts));

async function noteFailure(event: StoredEvent, error: unknown, counts: InboxCounts): Promise<void> {
  const { id, type, attempts } = event;
  const dead = attempts >= mostAttempts;
  log.error({ eventId: id, type, attempts, dead, ...describeError(error) }, "A webhook event could not be applied");
  const gapMs = firstGapMs * 3 ** (attempts - 1);
  const db = await database();
  const noted = await db
    .update(webhookEvents)
    .set({ state: dead ? "dead" : "waiting", problem: problemOf(error), nextAttemptAt: new Date(Date.now() + gapMs) })
    .where(and(eq(webhookEvents.id, id), stillOurs(attempts)))
    .returning({ id: webhookEvents.id });
  if (noted.length > 0) counts[dead ? "dead" : "failed"] += 1;
}

/** Kind and code; messages may repeat what somebody sent. */
function problemOf(error: unknown): string {
  const root = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(root instanceof Error)) return "Something that is no error was thrown";
  return "code" in root ? `${root.name} ${String(root.code)}` : root.name;
}
