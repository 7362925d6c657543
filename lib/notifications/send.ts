import "server-only";
import { describeError, log } from "@/lib/base/log";
import { isShadow } from "@/lib/base/mode";
import { count } from "@/lib/base/telemetry";
import { MailNotSent, overtaken, sendMail } from "@/lib/mail";
import { forEachConcurrently } from "@/lib/base/for-each-concurrently";
import { claimMails, recordLeaving, type ClaimedMail } from "./claim";
import { listDuePeople } from "./due";
import { holdNotices, releaseNotices } from "./holds";
import { writeMail } from "./mails";
import { recordAbandoned, recordFailure, recordSent, recordUndecided } from "./outcome";
import { cancelWithheld } from "./withheld";

export interface NoticeCounts {
  mails: number;
  /** Notices that were no longer wanted or needed. */
  cancelled: number;
  failed: number;
  /** Notices that may or may not have been sent because a process died in between. */
  unknown: number;
}

/** The first member of each pair is counted here, the second in the metric. */
const results = { mails: "sent", cancelled: "cancelled", failed: "failed", unknown: "unknown" } as const;

function add(counts: NoticeCounts, what: keyof NoticeCounts, number = 1): void {
  counts[what] += number;
  count("reconnect.notifications", { result: results[what] }, number);
}

const mailsAtOnce = 4;
const withinMs = 10_000;

type Clock = () => Date;

/**
 * Sends due notices, person by person. Each is claimed before its e-mail is written, rechecked and marked
 * before any of it leaves, and marked again once the server has accepted it, so a crash neither loses nor
 * repeats one. What had not left is sent by another process; what may have left is recorded as unknown and
 * not sent again. A failure of one step or person is counted, and the others still run. In shadow mode,
 * nothing is sent, and what was withheld for an hour is canceled.
 */
export async function sendDueNotices(now: Date): Promise<NoticeCounts> {
  const counts: NoticeCounts = { mails: 0, cancelled: 0, failed: 0, unknown: 0 };
  const startedAt = Date.now();
  const clock = () => new Date(now.getTime() + Math.max(0, Date.now() - startedAt));
  await guarded("recordAbandoned", async () => add(counts, "unknown", await recordAbandoned(now)));
  if (isShadow()) {
    await guarded("cancelWithheld", async () => add(counts, "cancelled", await cancelWithheld(now)));
    return counts;
  }
  await guarded("holdNotices", async () =>
    count("reconnect.notifications", { result: "held" }, await holdNotices(now)),
  );
  await guarded("releaseNotices", () => releaseNotices(now));
  const people = await listDuePeople(now);
  await forEachConcurrently(people, { atOnce: mailsAtOnce, withinMs }, (userId) =>
    sendTo(userId, clock, counts),
  );
  return counts;
}

async function guarded(step: string, work: () => Promise<unknown>): Promise<void> {
  await work().catch((error: unknown) =>
    log.error(
      { step, ...describeError(error) },
      "A step of sending notices failed; continuing with the others",
    ),
  );
}

async function sendTo(userId: string, clock: Clock, counts: NoticeCounts): Promise<void> {
  const claimed = await claimMails(userId, clock()).catch(async (error: unknown) => {
    await recordUndecided(userId, error, clock());
    return { mails: [], cancelled: 0, failed: 1 };
  });
  add(counts, "cancelled", claimed.cancelled);
  add(counts, "failed", claimed.failed);
  for (const mail of claimed.mails) await send(mail, clock, counts);
}

async function send(claimed: ClaimedMail, clock: Clock, counts: NoticeCounts): Promise<void> {
  const { userId, mailId } = claimed;
  const fail = async (failed: ClaimedMail["notices"][number][], error: unknown) => {
    const certain = await recordFailure(userId, mailId, failed, error, clock());
    add(counts, certain ? "failed" : "unknown", failed.length);
  };
  let subject: string;
  try {
    const { mail, failed } = await writeMail(claimed, clock());
    for (const { notice, error } of failed) await fail([notice], error);
    const [first, ...more] = claimed.notices.filter(
      (notice) => !failed.some((one) => one.notice.id === notice.id),
    );
    if (!mail || !first) return;
    const written = { ...claimed, notices: [first, ...more] satisfies ClaimedMail["notices"] };
    await sendMail({ ...mail, messageId: mailId, begin: () => recordLeaving(written, clock()) });
    subject = mail.subject;
  } catch (error) {
    if (error instanceof MailNotSent && error.reason === overtaken) return;
    return fail(claimed.notices, error);
  }
  await recordSent(userId, mailId, subject, clock());
  add(counts, "mails");
}
