import "server-only";
import { and, eq, gt, inArray, lt, lte, or, sql } from "drizzle-orm";
import { database, transaction } from "@/lib/db/client";
import { notices } from "@/lib/db/schema/notices";
import { announceChanges, recordChange } from "@/lib/live";
import { backoffMs } from "@/lib/base/backoff";
import { describeError, log } from "@/lib/base/log";
import { MailNotSent } from "@/lib/mail";
import { lockConnections, type DueNotice } from "./due";
import { planReminders } from "./record";

/** A process that holds a notice for longer than this is considered dead. Longer than any e-mail takes. */
export const leaseMs = 2 * 60_000;
const maxAttempts = 6;
const firstGapMs = 3 * 60_000;
const abandonedAtOnce = 500;

/**
 * The changes to store after an attempt that certainly sent nothing: a retry after a growing interval, or
 * none after six attempts.
 */
export function afterFailure(attemptsBefore: number, lastError: string, now: Date) {
  const attempts = attemptsBefore + 1;
  const runAt = new Date(now.getTime() + backoffMs(attempts, firstGapMs));
  return {
    mail: attempts >= maxAttempts ? ("failed" as const) : ("waiting" as const),
    attempts,
    runAt,
    lastError,
  };
}

/** Records that the server has accepted the e-mail, and plans the reminders. */
export async function recordSent(userId: string, mailId: string, subject: string, now: Date): Promise<void> {
  await transaction(async (tx) => {
    await lockConnections(tx, userId);
    const sent = await tx
      .update(notices)
      .set({ mail: "sent", sentAt: now, subject, lastError: null })
      .where(
        and(
          eq(notices.userId, userId),
          eq(notices.mailId, mailId),
          inArray(notices.mail, ["leaving", "unknown"]),
        ),
      )
      .returning({ id: notices.id, kind: notices.kind });
    await planReminders(tx, breaksOf(sent), now);
    await recordChange(tx, userId);
  });
  await announceChanges();
}

const breaksOf = (some: { id: string; kind: string }[]) =>
  some.filter(({ kind }) => kind === "broke").map(({ id }) => id);

/**
 * Records that the e-mail with these notices was not handed over. A refusal is certain, so it is retried; if
 * the connection broke while the server was receiving the e-mail, the result is unknown, so it is not.
 * @returns whether it is certain that nothing was sent
 */
export async function recordFailure(
  userId: string,
  mailId: string,
  failed: DueNotice[],
  error: unknown,
  now: Date,
): Promise<boolean> {
  const certain = !(error instanceof MailNotSent) || error.certain;
  const lastError =
    error instanceof MailNotSent
      ? `not handed over (${error.reason})`
      : error instanceof Error
        ? error.name
        : "unknown";
  log.warn(
    { notices: failed.map(({ id }) => id), certain, lastError, ...describeError(error) },
    "Notices could not be sent",
  );
  await transaction(async (tx) => {
    await lockConnections(tx, userId);
    for (const { id, kind, attempts } of failed) {
      const changed = await tx
        .update(notices)
        .set(certain ? afterFailure(attempts, lastError, now) : { mail: "unknown", lastError })
        .where(
          and(eq(notices.id, id), eq(notices.mailId, mailId), inArray(notices.mail, ["claimed", "leaving"])),
        )
        .returning({ id: notices.id });
      if (!certain && kind === "broke")
        await planReminders(
          tx,
          changed.map(({ id }) => id),
          now,
        );
    }
  });
  return certain;
}

/**
 * Records that a person's notices could not even be read or decided; they are retried at growing intervals.
 */
export async function recordUndecided(userId: string, error: unknown, now: Date): Promise<void> {
  log.error({ userId, ...describeError(error) }, "Could not decide on a person's notices");
  const db = await database();
  await db
    .update(notices)
    .set({
      mail: sql`case when ${notices.attempts} + 1 < ${maxAttempts} then 'waiting' else 'failed' end`,
      attempts: sql`${notices.attempts} + 1`,
      runAt: sql`${now.toISOString()}::timestamptz + ${firstGapMs} * power(3, ${notices.attempts}) * interval '1 millisecond'`,
      lastError: error instanceof Error ? error.name : "unknown",
    })
    .where(and(eq(notices.userId, userId), eq(notices.mail, "waiting"), lte(notices.runAt, now)));
}

/**
 * Frees notices whose process died.
 * @returns how many of them may or may not have been sent
 */
export async function recordAbandoned(now: Date): Promise<number> {
  const db = await database();
  // A lease that ends later than any lease can was taken before a clock was set back.
  const abandoned = or(
    lt(notices.lockedUntil, now),
    gt(notices.lockedUntil, new Date(now.getTime() + 2 * leaseMs)),
  );
  const found = await db
    .select({ userId: notices.userId })
    .from(notices)
    .where(and(inArray(notices.mail, ["claimed", "leaving"]), abandoned))
    .groupBy(notices.userId)
    .orderBy(sql`min(${notices.lockedUntil})`, notices.userId)
    .limit(abandonedAtOnce);
  let unknown = 0;
  for (const { userId } of found) {
    unknown += await transaction(async (tx) => {
      await lockConnections(tx, userId);
      const theirs = and(eq(notices.userId, userId), abandoned);
      await tx
        .update(notices)
        .set({
          mail: sql`case when ${notices.attempts} < ${maxAttempts} then 'waiting' else 'failed' end`,
          lastError: "Its process died",
        })
        .where(and(theirs, eq(notices.mail, "claimed")));
      const lost = await tx
        .update(notices)
        .set({ mail: "unknown", lastError: "Its process died before recording whether it was sent" })
        .where(and(theirs, eq(notices.mail, "leaving")))
        .returning({ id: notices.id, kind: notices.kind });
      await planReminders(tx, breaksOf(lost), now);
      return lost.length;
    });
  }
  return unknown;
}
