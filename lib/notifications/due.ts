import "server-only";
import { and, asc, eq, gt, inArray, isNull, type SQL, sql } from "drizzle-orm";
import { database } from "@/lib/db/client";
import type { Transaction } from "@/lib/db/database";
import { notices } from "@/lib/db/schema/notices";
import { incidents } from "@/lib/db/schema/incidents";
import { brokerageAccounts, brokerages, connections, episodes } from "@/lib/db/schema/connections";
import { whyHeld } from "./holds";
import type { NoticeFacts } from "./rules";

const peoplePerRound = 200;
/** How many due notices are considered per brokerage, longest due first. */
const noticesPerBrokerage = 400;
/** The maximum number of one person's notices per round. */
const noticesAtOnce = 100;

/**
 * Lists the people to write to in this round. Brokerages take turns, and within each the person who has
 * waited longest comes first, so that no brokerage's or person's backlog delays anyone else's e-mail. Costs
 * one index range per brokerage, however many notices are due.
 */
export async function listDuePeople(now: Date): Promise<string[]> {
  const db = await database();
  const listed: unknown = await db.execute(sql`
    with turns as (
      select user_id, min(run_at) as due_at, row_number() over (partition by brokerage.id order by min(run_at), user_id) as turn
      from ${brokerages} as brokerage cross join lateral (
        select user_id, run_at from ${notices}
        where brokerage_id = brokerage.id and mail = 'waiting' and run_at <= ${now.toISOString()}::timestamptz
        order by run_at limit ${noticesPerBrokerage}
      ) as due
      group by brokerage.id, user_id
    )
    select user_id from turns group by user_id order by min(turn), min(due_at), user_id limit ${peoplePerRound}`);
  return (listed as { rows: { user_id: string }[] }).rows.map(({ user_id: userId }) => userId);
}

/**
 * Locks a person's connections, then those of their notices that match and that no other process has locked.
 * Locks are always taken in the order connections, episodes, notices, users.
 */
export async function lockNotices(
  tx: Transaction,
  userId: string,
  which: SQL | undefined,
): Promise<DueNotice[]> {
  await lockConnections(tx, userId);
  const locked = await tx
    .select({ id: notices.id })
    .from(notices)
    .where(and(eq(notices.userId, userId), which))
    .orderBy(asc(notices.runAt), asc(notices.id))
    .limit(noticesAtOnce)
    .for("update", { skipLocked: true });
  if (locked.length === 0) return [];
  return readNotices(
    tx,
    locked.map(({ id }) => id),
  );
}

/** Locks all connections of a person until the transaction ends. */
export async function lockConnections(tx: Transaction, userId: string): Promise<void> {
  await tx
    .select({ id: connections.id })
    .from(connections)
    .where(eq(connections.userId, userId))
    .orderBy(asc(connections.id))
    .for("share");
}

function readNotices(tx: Transaction, ids: string[]) {
  return tx.query.notices.findMany({
    where: inArray(notices.id, ids),
    orderBy: [asc(notices.runAt), asc(notices.id)],
    with: {
      user: {
        columns: {
          email: true,
          timeZone: true,
          mailPreference: true,
          quietFrom: true,
          quietTo: true,
          deletionRequestedAt: true,
        },
      },
      episode: {
        with: {
          notices: { columns: { kind: true, mail: true } },
          connection: {
            with: {
              brokerage: { with: { incidents: { columns: { id: true }, where: isNull(incidents.endedAt) } } },
              accounts: {
                where: isNull(brokerageAccounts.missingSince),
                orderBy: [brokerageAccounts.name, brokerageAccounts.id],
              },
              episodes: {
                columns: { id: true },
                where: isNull(episodes.endedAt),
                with: { notices: { columns: { kind: true, mail: true } } },
              },
            },
          },
        },
      },
    },
  });
}
export type DueNotice = Awaited<ReturnType<typeof readNotices>>[number];

/** Collects the facts for a decision about a notice, as of this transaction. */
export async function factsOf(
  tx: Transaction,
  { kind, createdAt, user, episode }: DueNotice,
  joins: boolean,
): Promise<NoticeFacts> {
  const { connection } = episode;
  const { brokerage } = connection;
  return {
    kind,
    noticedAt: episode.noticedAt,
    createdAt,
    ended: episode.endedAt !== null,
    leaving: connection.removalRequestedAt !== null || user.deletionRequestedAt !== null,
    notified: wasNotified(episode.notices),
    present: presentOf(connection),
    held: whyHeld(brokerage, kind),
    joins,
    asked:
      kind === "when-back"
        ? { at: createdAt, answeredSince: await hasAnsweredSince(tx, brokerage.id, createdAt) }
        : null,
    preference: user.mailPreference,
    hasAddress: user.email !== null,
    quietFrom: user.quietFrom,
    quietTo: user.quietTo,
    timeZone: user.timeZone,
  };
}

type NoticeStates = { kind: string; mail: string }[];

function wasNotified(about: NoticeStates): boolean | null {
  const mails = about.filter(({ kind }) => kind !== "fixed").map(({ mail }) => mail);
  if (mails.some((mail) => mail === "sent" || mail === "unknown")) return true;
  return mails.some((mail) => mail === "claimed" || mail === "leaving") ? null : false;
}

function presentOf({
  state,
  episodes: open,
}: {
  state: string;
  episodes: { notices: NoticeStates }[];
}): NoticeFacts["present"] {
  if (state === "deleted") return "gone";
  if (state === "enabled" && open.length === 0) return "works";
  return open.some((episode) => wasNotified(episode.notices) !== false) ? "broken-and-notified" : "broken";
}

/** True if anyone's sign-in at this brokerage has succeeded since then. */
async function hasAnsweredSince(tx: Transaction, brokerageId: string, since: Date): Promise<boolean> {
  const [repaired] = await tx
    .select({ id: episodes.id })
    .from(episodes)
    .where(
      and(
        eq(episodes.brokerageId, brokerageId),
        // Written out, so that the planner can use the index of repairs.
        sql`${episodes.endedHow} = 'fixed'`,
        gt(episodes.endedAt, since),
      ),
    )
    .orderBy(episodes.endedAt)
    .limit(1);
  return repaired !== undefined;
}
