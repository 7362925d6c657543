import "server-only";
import { randomUUID } from "node:crypto";
import { and, eq, inArray, lte, sql } from "drizzle-orm";
import { transaction } from "@/lib/db/client";
import type { Transaction } from "@/lib/db/database";
import { notices } from "@/lib/db/schema/notices";
import { env } from "@/lib/base/env";
import { describeError, log } from "@/lib/base/log";
import { factsOf, lockNotices, type DueNotice } from "./due";
import { afterFailure, leaseMs } from "./outcome";
import { decide, joinWithinMs, topicOf, type Decision, type Topic } from "./rules";

/** The notices that go into one e-mail; no other process sends them. */
export interface ClaimedMail {
  mailId: string;
  userId: string;
  to: string;
  topic: Topic;
  notices: [DueNotice, ...DueNotice[]];
}

const maxJoinMs = joinWithinMs("reminder-7");

/**
 * Claims what can be sent to a person now: one e-mail about everything that needs reconnecting, and one about
 * everything that works again. A due notice takes along others on its topic that are nearly due (rules.ts),
 * so that nobody waits longer because of them. The connections are locked during the decision, so everything
 * claimed is true.
 */
export async function claimMails(
  userId: string,
  now: Date,
): Promise<{ mails: ClaimedMail[]; cancelled: number; failed: number }> {
  return transaction(async (tx) => {
    const near = lte(notices.runAt, new Date(now.getTime() + maxJoinMs));
    const waiting = await lockNotices(tx, userId, and(eq(notices.mail, "waiting"), near));
    const due = await decideEach(
      tx,
      waiting.filter(({ runAt }) => runAt <= now),
      now,
    );
    const mails: ClaimedMail[] = [];
    for (const topic of ["repair", "receipt"] as const) {
      const [first, ...more] = due.sendable.filter(({ kind }) => topicOf(kind) === topic);
      const to = first?.user.email;
      if (!first || !to) continue;
      const joining = await listJoining(tx, waiting, topic, now);
      mails.push({ mailId: newMailId(), userId, to, topic, notices: [first, ...more, ...joining] });
    }
    for (const mail of mails) await claim(tx, mail, now);
    return { mails, cancelled: due.cancelled, failed: due.failed };
  });
}

const newMailId = () => `<${randomUUID()}@${new URL(env().APP_URL).hostname}>`;

async function claim(tx: Transaction, { mailId, notices: claimed }: ClaimedMail, now: Date): Promise<void> {
  await tx
    .update(notices)
    .set({
      mail: "claimed",
      lockedUntil: new Date(now.getTime() + leaseMs),
      mailId,
      attempts: sql`${notices.attempts} + 1`,
    })
    .where(inArray(notices.id, idsOf(claimed)));
}

/**
 * Decides on the due notices, and records the outcome of those that are not sent. A notice that can't be
 * decided fails alone.
 */
async function decideEach(tx: Transaction, due: DueNotice[], now: Date) {
  const result = { sendable: [] as DueNotice[], cancelled: 0, failed: 0 };
  for (const notice of due) {
    const decision = await decideOne(tx, notice, false, now);
    if (decision instanceof Error) {
      log.error({ notice: notice.id, ...describeError(decision) }, "Could not decide on a notice");
      await tx
        .update(notices)
        .set(afterFailure(notice.attempts, decision.name, now))
        .where(eq(notices.id, notice.id));
      result.failed++;
    } else if (decision.act === "send") result.sendable.push(notice);
    else await record(tx, notice, decision, now);
    if (!(decision instanceof Error) && decision.act === "cancel") result.cancelled++;
  }
  return result;
}

async function listJoining(
  tx: Transaction,
  waiting: DueNotice[],
  topic: Topic,
  now: Date,
): Promise<DueNotice[]> {
  const joining: DueNotice[] = [];
  for (const notice of waiting) {
    const { kind, runAt } = notice;
    if (topicOf(kind) !== topic || runAt <= now || runAt.getTime() > now.getTime() + joinWithinMs(kind))
      continue;
    const decision = await decideOne(tx, notice, true, now);
    if (!(decision instanceof Error) && decision.act === "send") joining.push(notice);
  }
  return joining;
}

async function decideOne(
  tx: Transaction,
  notice: DueNotice,
  joins: boolean,
  now: Date,
): Promise<Decision | Error> {
  const facts = await factsOf(tx, notice, joins);
  try {
    return decide(facts, now);
  } catch (error) {
    return error instanceof Error ? error : new Error("unknown");
  }
}

async function record(
  tx: Transaction,
  notice: DueNotice,
  decision: Exclude<Decision, { act: "send" }>,
  now: Date,
): Promise<void> {
  const { heldAt, episode } = notice;
  const changes = {
    wait: () => ({ mail: "waiting" as const, runAt: decision.act === "wait" ? decision.until : now }),
    hold: () => ({ mail: "held" as const, heldAt: heldAt ?? now, heldFor: episode.connection.brokerageId }),
    cancel: () => ({ mail: "cancelled" as const }),
  }[decision.act]();
  const lastError = decision.act === "wait" ? {} : { lastError: decision.why };
  await tx
    .update(notices)
    .set({ ...changes, ...lastError })
    .where(eq(notices.id, notice.id));
}

/**
 * Runs at the last moment at which it is certain that nothing was sent: rechecks everything the e-mail says,
 * with its connections locked. A repair after this finds the notices "leaving", and its receipt waits for
 * them.
 * @returns false if the e-mail must not leave as written; what is still true in it goes out in the next round
 */
export async function recordLeaving(
  { mailId, userId, notices: written }: ClaimedMail,
  now: Date,
): Promise<boolean> {
  return transaction(async (tx) => {
    const claimed = await lockNotices(
      tx,
      userId,
      and(eq(notices.mailId, mailId), eq(notices.mail, "claimed")),
    );
    let asWritten = claimed.length === written.length;
    const stillTrue: DueNotice[] = [];
    for (const notice of claimed) {
      const decision = await decideOne(tx, notice, true, now);
      if (!(decision instanceof Error) && decision.act !== "send") await record(tx, notice, decision, now);
      else stillTrue.push(notice);
      asWritten &&=
        !(decision instanceof Error) &&
        decision.act === "send" &&
        written.some((one) => saysTheSame(one, notice));
    }
    if (stillTrue.length === 0) return false;
    const next = asWritten
      ? { mail: "leaving" as const }
      : { mail: "waiting" as const, runAt: now, attempts: sql`${notices.attempts} - 1` };
    await tx
      .update(notices)
      .set(next)
      .where(inArray(notices.id, idsOf(stillTrue)));
    return asWritten;
  });
}

const idsOf = (some: DueNotice[]) => some.map(({ id }) => id);

function saysTheSame(one: DueNotice, other: DueNotice): boolean {
  return (
    one.id === other.id &&
    one.user.email === other.user.email &&
    one.episode.brokeAt.getTime() === other.episode.brokeAt.getTime() &&
    one.episode.endedAt?.getTime() === other.episode.endedAt?.getTime()
  );
}
