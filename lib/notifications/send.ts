import "server-only";
import { randomUUID } from "node:crypto";
import { and, asc, eq, gt, inArray, isNull, lt, lte, sql } from "drizzle-orm";
import { mailColors } from "@/lib/brand";
import { database, transaction } from "@/lib/db/client";
import { notices } from "@/lib/db/notice-schema";
import { brokerageAccounts, connections, episodes, incidents } from "@/lib/db/schema";
import { env } from "@/lib/env";
import { announceChanges, noteChange } from "@/lib/live";
import { describeError, log } from "@/lib/log";
import { MailNotSent, sendMail } from "@/lib/mail";
import { someAtOnce } from "@/lib/some-at-once";
import { composeMail, type MailItem } from "./email";
import { makeFixLink, unsubscribeToken } from "./links";
import { planReminders } from "./notify";
import { decide, type NoticeFacts, type NoticeKind } from "./rules";

export interface NoticeCounts {
  mails: number;
  /** Notices that were not wanted any more, or not needed. */
  cancelled: number;
  failed: number;
  /** Handed over or not, nobody can say: a process died in between. */
  unknown: number;
}

const mostPerRound = 200;
const mailsAtOnce = 4;
/** For deciding, and again for sending. */
const withinMs = 10_000;
/** Whoever has had a notice for longer is taken for dead. */
const leaseMs = 2 * 60_000;
const mostAttempts = 6;
const firstGapMs = 60_000;

async function findDue(now: Date) {
  const db = await database();
  return db.query.notices.findMany({
    where: and(eq(notices.mail, "waiting"), lte(notices.notBefore, now)),
    orderBy: [asc(notices.notBefore)],
    limit: mostPerRound,
    with: {
      user: true,
      episode: {
        with: {
          connection: {
            with: {
              brokerage: { with: { incidents: { columns: { id: true }, where: isNull(incidents.endedAt) } } },
              accounts: { orderBy: [brokerageAccounts.name, brokerageAccounts.id] },
            },
          },
        },
      },
    },
  });
}
type DueNotice = Awaited<ReturnType<typeof findDue>>[number];

/**
 * Sends what is due. Each notice is claimed before its e-mail is made, marked before any of it leaves, and marked again when the server
 * has taken it; so a crash neither loses nor doubles one. What had not left is sent by somebody else; what may have left is kept as unknown
 * and not sent again.
 */
export async function sendDueNotices(now: Date): Promise<NoticeCounts> {
  const counts: NoticeCounts = { mails: 0, cancelled: 0, failed: 0, unknown: await judgeAbandoned(now) };
  const toSend: DueNotice[] = [];
  await someAtOnce(await findDue(now), { atOnce: 1, withinMs }, async (notice) => {
    const decision = decide(await factsOf(notice), now);
    if (decision.act === "send") toSend.push(notice);
    if (decision.act === "wait") await postpone(notice, decision.until, decision.held ? now : null);
    if (decision.act === "cancel") {
      await cancel(notice, decision.why);
      counts.cancelled++;
    }
  });
  await someAtOnce(groupsOf(toSend), { atOnce: mailsAtOnce, withinMs }, (group) => sendGroup(group, now, counts));
  return counts;
}

async function factsOf({ kind, createdAt, user, episode }: DueNotice): Promise<NoticeFacts> {
  const { connection } = episode;
  const { brokerage } = connection;
  const db = await database();
  const [first] = await db
    .select({ mail: notices.mail })
    .from(notices)
    .where(and(eq(notices.episodeId, episode.id), eq(notices.kind, "broke")));
  return {
    kind,
    noticedAt: episode.noticedAt,
    ended: episode.endedAt !== null,
    leaving: connection.removalRequestedAt !== null || user.deletionRequestedAt !== null,
    told: first?.mail === "sent" || first?.mail === "unknown",
    held: brokerage.maintenance || brokerage.incidents.length > 0 || (kind === "back" && brokerage.degraded),
    asked: kind === "back" ? { at: createdAt, answeredSince: await hasAnsweredSince(brokerage.id, createdAt) } : null,
    preference: user.mailPreference,
    quietFrom: user.quietFrom,
    quietTo: user.quietTo,
    timeZone: user.timeZone,
  };
}

/** Somebody's sign-in at this brokerage has succeeded since. */
async function hasAnsweredSince(brokerageId: string, since: Date): Promise<boolean> {
  const db = await database();
  const [repaired] = await db
    .select({ id: episodes.id })
    .from(episodes)
    .innerJoin(connections, eq(connections.id, episodes.connectionId))
    .where(and(eq(connections.brokerageId, brokerageId), eq(episodes.endedHow, "fixed"), gt(episodes.endedAt, since)))
    .limit(1);
  return repaired !== undefined;
}

/** Several of one kind for one person are one e-mail. */
function groupsOf(due: DueNotice[]): DueNotice[][] {
  const groups = new Map<string, DueNotice[]>();
  for (const notice of due) {
    const name = `${notice.userId} ${notice.kind}`;
    groups.set(name, [...(groups.get(name) ?? []), notice]);
  }
  return [...groups.values()];
}

async function sendGroup(group: DueNotice[], now: Date, counts: NoticeCounts): Promise<void> {
  const mailId = `<${randomUUID()}@${new URL(env().APP_URL).hostname}>`;
  const claimed = await claim(group, mailId, now);
  const [first] = claimed;
  if (!first) return;
  let subject: string;
  try {
    const mail = await compose(first.kind, claimed, now);
    subject = mail.subject;
    await sendMail({
      to: first.user.email,
      ...mail,
      messageId: mailId,
      unsubscribeUrl: unsubscribeUrl(first.userId),
      begin: () => noteLeaving(mailId, claimed.length),
    });
  } catch (error) {
    await noteFailure(mailId, claimed, error, counts);
    return;
  }
  const ids = claimed.map(({ id }) => id);
  await transaction(async (tx) => {
    await tx.update(notices).set({ mail: "sent", sentAt: new Date(), subject, problem: null }).where(inArray(notices.id, ids));
    if (first.kind === "broke") await planReminders(tx, ids);
    await noteChange(tx, first.userId);
  });
  await announceChanges();
  counts.mails++;
}

/** Takes the notices that nobody has taken, and whose connection is still as the e-mail will say. */
async function claim(group: DueNotice[], mailId: string, now: Date): Promise<DueNotice[]> {
  const db = await database();
  const ids = group.map(({ id }) => id);
  const stillBroken = sql`exists (select 1 from ${episodes} where ${episodes.id} = ${notices.episodeId} and (${notices.kind} = 'fixed' or ${episodes.endedAt} is null))`;
  const taken = await db
    .update(notices)
    .set({ mail: "claimed", claimedAt: now, mailId, attempts: sql`${notices.attempts} + 1` })
    .where(and(inArray(notices.id, ids), eq(notices.mail, "waiting"), stillBroken))
    .returning({ id: notices.id });
  return group.filter(({ id }) => taken.some((one) => one.id === id));
}

/** The last moment at which it is certain that nothing has left; false when somebody else has taken one of them since. */
async function noteLeaving(mailId: string, count: number): Promise<boolean> {
  const db = await database();
  const leaving = await db
    .update(notices)
    .set({ mail: "leaving" })
    .where(and(eq(notices.mailId, mailId), eq(notices.mail, "claimed")))
    .returning({ id: notices.id });
  return leaving.length === count;
}

async function compose(kind: NoticeKind, group: DueNotice[], now: Date) {
  const { APP_NAME: appName, APP_URL: appUrl, BRAND_COLOR } = env();
  const [first] = group;
  const items: MailItem[] = [];
  for (const { userId, episode, heldAt } of group) {
    const { connection } = episode;
    const times = connection.accounts.flatMap(({ holdingsAt }) => (holdingsAt ? [holdingsAt.getTime()] : []));
    items.push({
      brokerage: connection.brokerage.name,
      accounts: connection.accounts,
      access: connection.access,
      brokeAt: episode.brokeAt,
      endedAt: episode.endedAt,
      dataAsOf: times.length > 0 ? new Date(Math.max(...times)) : null,
      wasHeld: heldAt !== null,
      link: kind === "fixed" ? `${appUrl}/connections/${connection.id}` : await makeFixLink(userId, episode.id, now),
    });
  }
  const viewer = { locale: "en-GB", timeZone: first?.user.timeZone ?? "UTC", zoneKnown: true };
  return composeMail(kind, items, {
    appName,
    appUrl,
    colors: mailColors(BRAND_COLOR),
    unsubscribeUrl: unsubscribeUrl(first?.userId ?? ""),
    viewer,
    now,
  });
}

const unsubscribeUrl = (userId: string) => `${env().APP_URL}/api/unsubscribe/${unsubscribeToken(userId)}`;

/** A refusal is certain, so it is tried again; where the connection broke while the server was taking the e-mail, nobody knows. */
async function noteFailure(mailId: string, group: DueNotice[], error: unknown, counts: NoticeCounts): Promise<void> {
  const certain = !(error instanceof MailNotSent) || error.certain;
  log.warn({ notices: group.map(({ id }) => id), certain, ...describeError(error) }, "A notice could not be mailed");
  const db = await database();
  for (const { id, attempts } of group) {
    const given = attempts + 1 >= mostAttempts;
    await db
      .update(notices)
      .set({
        mail: !certain ? "unknown" : given ? "failed" : "waiting",
        notBefore: new Date(Date.now() + firstGapMs * 4 ** attempts),
        problem: error instanceof Error ? error.name : "unknown",
      })
      .where(and(eq(notices.id, id), eq(notices.mailId, mailId), inArray(notices.mail, ["claimed", "leaving"])));
    counts[certain ? "failed" : "unknown"]++;
  }
}

/** What becomes of notices whose process died. @returns how many of them nobody can say anything about */
async function judgeAbandoned(now: Date): Promise<number> {
  const db = await database();
  const abandoned = lt(notices.claimedAt, new Date(now.getTime() - leaseMs));
  await db
    .update(notices)
    .set({ mail: sql`case when ${notices.attempts} < ${mostAttempts} then 'waiting' else 'failed' end`, problem: "Nobody finished it" })
    .where(and(eq(notices.mail, "claimed"), abandoned));
  const lost = await db
    .update(notices)
    .set({ mail: "unknown", problem: "It was never said whether it was sent" })
    .where(and(eq(notices.mail, "leaving"), abandoned))
    .returning({ id: notices.id, kind: notices.kind });
  const breaks = lost.filter(({ kind }) => kind === "broke").map(({ id }) => id);
  if (breaks.length > 0) await planReminders(db, breaks);
  return lost.length;
}

async function postpone({ id, heldAt }: DueNotice, until: Date, held: Date | null): Promise<void> {
  const db = await database();
  await db
    .update(notices)
    .set({ notBefore: until, heldAt: heldAt ?? held })
    .where(and(eq(notices.id, id), eq(notices.mail, "waiting")));
}

async function cancel({ id }: DueNotice, why: string): Promise<void> {
  const db = await database();
  await db
    .update(notices)
    .set({ mail: "cancelled", problem: why })
    .where(and(eq(notices.id, id), eq(notices.mail, "waiting")));
}
