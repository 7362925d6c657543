import "server-only";
import { and, eq, inArray, sql } from "drizzle-orm";
import type { Transaction } from "@/lib/db/database";
import { notices } from "@/lib/db/notice-schema";
import { connections, episodes } from "@/lib/db/schema";
import { dueAt } from "./rules";

/** Has a break told, once for its episode; part of the transaction that writes the episode. */
export async function notifyBreak(tx: Transaction, episode: { id: string; connectionId: string; noticedAt: Date }): Promise<void> {
  const { id: episodeId, connectionId, noticedAt } = episode;
  const [owner] = await tx.select({ userId: connections.userId }).from(connections).where(eq(connections.id, connectionId));
  if (!owner) return;
  await tx
    .insert(notices)
    .values({ userId: owner.userId, episodeId, kind: "broke", createdAt: noticedAt, notBefore: dueAt("broke", noticedAt) })
    .onConflictDoNothing();
}

/** Has a repair told to whoever was told of the break. */
export async function notifyFix(tx: Transaction, episodeId: string, now: Date): Promise<void> {
  await tx.execute(sql`
    insert into ${notices} (user_id, episode_id, kind, created_at, not_before)
    select user_id, episode_id, 'fixed', ${now.toISOString()}::timestamptz, ${now.toISOString()}::timestamptz from ${notices}
    where ${and(eq(notices.episodeId, episodeId), eq(notices.kind, "broke"))}
    on conflict do nothing`);
}

/** Takes a receipt back that has not left: the repair turned out to be announced too early. A later repair is announced again. */
export async function withdrawFix(tx: Pick<Transaction, "delete">, episodeId: string): Promise<void> {
  await tx.delete(notices).where(and(eq(notices.episodeId, episodeId), eq(notices.kind, "fixed"), inArray(notices.mail, ["waiting", "cancelled"])));
}

/**
 * Has the person told when it is worth trying again to repair an open break, once for its episode.
 * @returns false when they were told already
 */
export async function notifyWhenBack(tx: Pick<Transaction, "insert">, episode: { id: string; userId: string }, now: Date): Promise<boolean> {
  const { id: episodeId, userId } = episode;
  const [notice] = await tx
    .insert(notices)
    .values({ userId, episodeId, kind: "back", createdAt: now, notBefore: now })
    .onConflictDoUpdate({ target: [notices.episodeId, notices.kind], set: { kind: "back" } })
    .returning({ mail: notices.mail });
  return notice?.mail === "waiting" || notice?.mail === "claimed";
}

/** Plans the reminders of a break that was just told. */
export async function planReminders(tx: Pick<Transaction, "execute">, noticeIds: string[]): Promise<void> {
  for (const kind of ["reminder-3", "reminder-7"] as const) {
    const afterMs = dueAt(kind, new Date(0)).getTime();
    await tx.execute(sql`
      insert into ${notices} (user_id, episode_id, kind, created_at, not_before)
      select notice.user_id, notice.episode_id, ${kind}, ${episodes}.noticed_at + ${afterMs} * interval '1 millisecond',
        ${episodes}.noticed_at + ${afterMs} * interval '1 millisecond'
      from ${notices} as notice join ${episodes} on ${episodes}.id = notice.episode_id
      where notice.kind = 'broke' and notice.id in (${sql.join(
        noticeIds.map((id) => sql`${id}::uuid`),
        sql`, `,
      )})
      on conflict do nothing`);
  }
}
