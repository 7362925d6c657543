import "server-only";
import { and, eq } from "drizzle-orm";
import { database } from "@/lib/db/client";
import { webhookEvents } from "@/lib/db/work-schema";
import { describeError, log } from "@/lib/log";

export interface EventCounts {
  done: number;
  /** To be tried again. */
  failed: number;
  /** Given up after the last attempt, with the reason. */
  dead: number;
}

export const maxAttempts = 8;
const firstGapMs = 5_000;

/** Nobody took the event since it had so many attempts. */
export const stillOurs = (attempts: number) => and(eq(webhookEvents.state, "waiting"), eq(webhookEvents.attempts, attempts));

/**
 * Writes down that an attempt failed, and why: it is tried again after growing gaps, and dead after the last attempt.
 * Never throws: what cannot be written down now is tried again when the lease of the attempt is over.
 * @param event with this attempt counted
 * @param stored how many attempts the row says, which is the fence
 */
export async function recordFailure(
  event: { id: string; type: string; attempts: number },
  stored: number,
  error: unknown,
  counts: EventCounts,
): Promise<void> {
  const { id, type, attempts } = event;
  const dead = attempts >= maxAttempts;
  log.error({ eventId: id, type, attempts, dead, ...describeError(error) }, "A webhook event could not be applied");
  try {
    const db = await database();
    const recorded = await db
      .update(webhookEvents)
      .set({
        attempts,
        state: dead ? "dead" : "waiting",
        problem: problemOf(error),
        nextAttemptAt: new Date(Date.now() + firstGapMs * 3 ** (attempts - 1)),
      })
      .where(and(eq(webhookEvents.id, id), stillOurs(stored)))
      .returning({ id: webhookEvents.id });
    if (recorded.length > 0) counts[dead ? "dead" : "failed"] += 1;
  } catch (failure) {
    counts.failed += 1;
    log.error({ eventId: id, ...describeError(failure) }, "The failure of a webhook event could not be written down");
  }
}

/** Kind and code; messages may repeat what somebody sent. */
function problemOf(error: unknown): string {
  const root = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(root instanceof Error)) return "Something that is no error was thrown";
  return "code" in root ? `${root.name} ${String(root.code)}` : root.name;
}
