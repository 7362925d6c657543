import "server-only";
import { sql } from "drizzle-orm";
import { groupBy } from "@/lib/base/group-by";
import { count, eventSpan } from "@/lib/base/telemetry";
import { withinTime } from "@/lib/base/time-limit";
import { transaction } from "@/lib/db/client";
import type { Transaction } from "@/lib/db/database";
import { isTooSlow } from "@/lib/db/errors";
import { release } from "./claim";
import { applyEvents, type StoredEvent } from "./effects";
import { recordFailure, type EventCounts } from "./failures";
import { finish, LeaseLost } from "./finish";

/** How long a transaction with several people's events waits for a lock. */
const crowdLockMs = 300;
/** For one transaction. */
const attemptWithinMs = 20_000;

/**
 * Applies events together, and those that failed before alone. When that fails, each person's events are
 * applied on their own, and then each event, so that a bad one holds up no other. Everyone's turn comes before
 * anyone's events are divided, so that one person's trouble costs the others little. What there is no time for
 * waits for the next run.
 */
export async function applyBatch(
  batch: StoredEvent[],
  endsAt: number,
  counts: EventCounts,
  toLookAt: Set<string>,
): Promise<void> {
  const retried = batch.filter((event) => !isFirstAttempt(event)).map((event) => [event]);
  let parts = [batch.filter(isFirstAttempt), ...retried].filter((part) => part.length > 0);
  /** People whose rows are locked, or whose events hang: one such wait in a run is enough. */
  const slow = new Set<string | null>();
  while (parts.length > 0) {
    const divided: StoredEvent[][] = [];
    for (const part of parts) {
      const person = personOf(part);
      if (Date.now() >= endsAt || (person !== undefined && slow.has(person))) {
        await release(part);
        continue;
      }
      const failure = await attempt(part, counts, toLookAt);
      if (!failure) continue;
      const tooSlow = isTooSlow(failure.error);
      if (tooSlow && person !== undefined) slow.add(person);
      if (part.length > 1 && !(tooSlow && person !== undefined) && Date.now() < endsAt)
        divided.push(...divide(part));
      // Events that ran out of time together are applied alone in the next run, which finds the one that hangs.
      else if (!(failure.error instanceof LeaseLost))
        for (const event of part) await recordFailure(event, event.attempts, failure.error, counts);
    }
    parts = divided;
  }
}

const isFirstAttempt = ({ attempts }: StoredEvent) => attempts === 1;

/** Whom all of these events are about, null if nobody; undefined if they are about several people. */
function personOf([first, ...others]: StoredEvent[]): string | null | undefined {
  const person = first?.snapTradeUserId ?? null;
  return others.every(({ snapTradeUserId }) => snapTradeUserId === person) ? person : undefined;
}

/** Applies events in one transaction. @returns why it failed; null if it didn't */
async function attempt(
  events: StoredEvent[],
  counts: EventCounts,
  toLookAt: Set<string>,
): Promise<{ error: unknown } | null> {
  try {
    const applied = await eventSpan("webhook apply", { follow: events.map(idOf) }, () =>
      withinTime(attemptWithinMs, () => transaction((tx) => applyAndFinish(tx, events))),
    );
    counts.done += events.length;
    for (const { id, type } of events)
      count("reconnect.webhook.events", { type, outcome: applied.outcomes.get(id) ?? "" });
    for (const userId of applied.toLookAt) toLookAt.add(userId);
    return null;
  } catch (error) {
    return { error };
  }
}

async function applyAndFinish(tx: Transaction, events: StoredEvent[]) {
  // While many people's rows are locked, nobody waits long for one of them.
  if (personOf(events) === undefined) await tx.execute(sql.raw(`set local lock_timeout = ${crowdLockMs}`));
  const applied = await applyEvents(tx, events, new Date());
  await finish(tx, events, applied.outcomes);
  return applied;
}

const idOf = ({ id }: StoredEvent) => id;

/** Splits events by person, or one person's events into single ones. */
function divide(events: StoredEvent[]): StoredEvent[][] {
  const people = groupBy(events, ({ snapTradeUserId }) => snapTradeUserId);
  return people.size > 1 ? [...people.values()] : events.map((event) => [event]);
}
