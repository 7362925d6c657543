import "server-only";
import { and, eq } from "drizzle-orm";
import { database } from "@/lib/db/client";
import { inboxEvents } from "@/lib/db/schema/webhooks";
import { backoffMs } from "@/lib/base/backoff";
import { describeError, log } from "@/lib/base/log";
import { count } from "@/lib/base/telemetry";

export interface EventCounts {
  done: number;
  /** Will be retried. */
  failed: number;
  /** Given up after the last attempt, with the reason stored. */
  dead: number;
}

export const maxAttempts = 8;
const firstGapMs = 5_000;

/** Matches the event only if no one has claimed it since this attempt. */
const stillOurs = (attempts: number) =>
  and(eq(inboxEvents.state, "waiting"), eq(inboxEvents.attempts, attempts));

/**
 * Records that an attempt failed, and why. The event is retried at growing intervals and dead after the last
 * attempt. Never throws: an event whose failure can't be recorded is retried when its lease expires.
 * @param event with this attempt counted
 * @param stored the attempt count in the row, which acts as the fence
 */
export async function recordFailure(
  event: { id: string; type: string; attempts: number },
  stored: number,
  error: unknown,
  counts: EventCounts,
): Promise<void> {
  const { id, type, attempts } = event;
  const dead = attempts >= maxAttempts;
  log.error(
    { eventId: id, type, attempts, dead, ...describeError(error) },
    "A webhook event could not be applied",
  );
  try {
    const db = await database();
    const recorded = await db
      .update(inboxEvents)
      .set({
        attempts,
        state: dead ? "dead" : "waiting",
        lastError: describeCause(error),
        runAt: new Date(Date.now() + backoffMs(attempts, firstGapMs)),
        lockedUntil: null,
      })
      .where(and(eq(inboxEvents.id, id), stillOurs(stored)))
      .returning({ id: inboxEvents.id });
    if (recorded.length === 0) return;
    counts[dead ? "dead" : "failed"] += 1;
    count("reconnect.webhook.events", { type, outcome: dead ? "dead" : "failed" });
  } catch (failure) {
    counts.failed += 1;
    log.error(
      { eventId: id, ...describeError(failure) },
      "The failure of a webhook event could not be recorded",
    );
  }
}

/** Type and code only; messages may repeat the event's content. */
function describeCause(error: unknown): string {
  const root = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(root instanceof Error)) return "A value that is not an error was thrown";
  return "code" in root ? `${root.name} ${String(root.code)}` : root.name;
}
