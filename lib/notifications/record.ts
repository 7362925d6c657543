import "server-only";
import { and, eq, inArray, type SQL, sql } from "drizzle-orm";
import type { AnyPgColumn } from "drizzle-orm/pg-core";
import { isShadow } from "@/lib/base/mode";
import type { Transaction } from "@/lib/db/database";
import { recordset, uuids } from "@/lib/db/recordset";
import { notices } from "@/lib/db/schema/notices";
import { episodes } from "@/lib/db/schema/connections";
import { dueAt } from "./rules";

/** Plans the e-mails about breaks, once per episode; part of the transaction that writes the episodes. */
export async function notifyBreaks(
  tx: Transaction,
  breaks: { episodeId: string; userId: string; brokerageId: string; noticedAt: Date }[],
): Promise<void> {
  if (breaks.length === 0) return;
  const rows = breaks.map((one) => ({ ...one, runAt: dueAt("broke", one.noticedAt) }));
  const columns = {
    userId: "uuid",
    episodeId: "uuid",
    brokerageId: "uuid",
    noticedAt: "timestamptz",
    runAt: "timestamptz",
  };
  await tx.execute(sql`
    insert into ${notices} (user_id, episode_id, brokerage_id, kind, created_at, run_at)
    select "userId", "episodeId", "brokerageId", 'broke', "noticedAt", "runAt" from ${recordset("broke", columns, rows)}
    on conflict do nothing`);
}

/**
 * Cancels pending e-mails about breaks that are over, and plans a receipt for anyone who was notified of the
 * break; in shadow mode, one that is only listed. Part of the transaction that ends the episodes.
 * @param ends `now` is our clock when we learned of the end
 */
export async function notifyEnds(
  tx: Transaction,
  ends: { episodeId: string; endedHow: "fixed" | "deleted"; now: Date }[],
): Promise<void> {
  if (ends.length === 0) return;
  await tx.execute(sql`
    update ${notices} set mail = 'cancelled', held_for = null, last_error = ended."endedHow"
    from ${recordset("ended", { episodeId: "uuid", endedHow: "text", now: "timestamptz" }, ends)}
    where episode_id = any(${uuids(ends.map(({ episodeId }) => episodeId))}) and episode_id = ended."episodeId" and kind <> 'fixed' and mail in ('waiting', 'held')`);
  const receipts = ends
    .filter(({ endedHow }) => endedHow === "fixed")
    .map(({ episodeId, now }) => ({ episodeId, now, due: dueAt("fixed", now) }));
  if (receipts.length === 0) return;
  const mail = isShadow() ? sql`'cancelled', 'shadow mode'` : sql`'waiting', null`;
  await tx.execute(sql`
    insert into ${notices} (user_id, episode_id, brokerage_id, kind, created_at, run_at, mail, last_error)
    select user_id, episode_id, brokerage_id, 'fixed', receipt.now, receipt.due, ${mail}
    from ${recordset("receipt", { episodeId: "uuid", now: "timestamptz", due: "timestamptz" }, receipts)}
    join ${notices} on episode_id = receipt."episodeId" and kind = 'broke'
    where episode_id = any(${uuids(receipts.map(({ episodeId }) => episodeId))})
    on conflict (episode_id, kind) do update
      set mail = excluded.mail, created_at = excluded.created_at, run_at = excluded.run_at, attempts = 0, last_error = excluded.last_error
      -- The earlier end was announced too early and nobody was notified of it; this is the real one.
      where ${notices}.mail = 'cancelled'`);
}

/**
 * Cancels the e-mails about breaks that are older than our knowing this person; the notices stay in the app.
 * Part of the transaction that adopts the person.
 */
export async function keepOldBreaksQuiet(tx: Pick<Transaction, "update">, userId: string): Promise<void> {
  await tx
    .update(notices)
    .set({ mail: "cancelled", lastError: "before adoption" })
    .where(and(eq(notices.userId, userId), eq(notices.mail, "waiting")));
}

/**
 * Undoes the ends of breaks that were reported too early: cancels the receipts that haven't been sent, and
 * replans the e-mails that the end had canceled. The real end gets its own receipt.
 */
export async function withdrawEnds(
  tx: Pick<Transaction, "delete" | "update">,
  episodeIds: string[],
): Promise<void> {
  if (episodeIds.length === 0) return;
  const own = inArray(notices.episodeId, episodeIds);
  await tx
    .delete(notices)
    .where(and(own, eq(notices.kind, "fixed"), inArray(notices.mail, ["waiting", "cancelled"])));
  await tx
    .update(notices)
    .set({ mail: "waiting", lastError: null })
    .where(and(own, eq(notices.mail, "cancelled"), inArray(notices.lastError, ["fixed", "deleted"])));
}

/**
 * Plans the e-mail that an open break can be repaired now, once per episode. One that was given up is planned
 * again.
 * @returns false if the person was already notified
 */
export async function recordWhenBack(
  tx: Pick<Transaction, "insert">,
  episode: { id: string; userId: string },
  now: Date,
): Promise<boolean> {
  const { id: episodeId, userId } = episode;
  const brokerageId = sql`(select brokerage_id from ${episodes} where id = ${episodeId}::uuid)`;
  const over = sql`${notices.mail} in ('cancelled', 'failed')`;
  const again = (wanted: SQL | string, kept: AnyPgColumn) =>
    sql`case when ${over} then ${wanted} else ${kept} end`;
  const [notice] = await tx
    .insert(notices)
    .values({ userId, episodeId, brokerageId, kind: "when-back", createdAt: now, runAt: now })
    .onConflictDoUpdate({
      target: [notices.episodeId, notices.kind],
      set: {
        mail: again("waiting", notices.mail),
        createdAt: again(sql`excluded.created_at`, notices.createdAt),
        runAt: again(sql`excluded.run_at`, notices.runAt),
        attempts: again(sql`0`, notices.attempts),
      },
    })
    .returning({ mail: notices.mail });
  return notice !== undefined && ["waiting", "held", "claimed"].includes(notice.mail);
}

/**
 * Plans the reminders of breaks whose e-mail was just sent: counted from the break, or from `notifiedAt` if
 * that was more than a day later.
 */
export async function planReminders(
  tx: Pick<Transaction, "execute">,
  noticeIds: string[],
  notifiedAt: Date,
): Promise<void> {
  if (noticeIds.length === 0) return;
  const notified = sql`${notifiedAt.toISOString()}::timestamptz`;
  for (const kind of ["reminder-3", "reminder-7"] as const) {
    const due = sql`case when ${notified} > noticed_at + interval '1 day' then ${notified} else noticed_at end
      + ${dueAt(kind, new Date(0)).getTime()} * interval '1 millisecond'`;
    await tx.execute(sql`
      insert into ${notices} (user_id, episode_id, brokerage_id, kind, created_at, run_at)
      select notice.user_id, notice.episode_id, notice.brokerage_id, ${kind}, ${due}, ${due}
      from ${notices} as notice join ${episodes} on ${episodes}.id = notice.episode_id
      where notice.kind = 'broke' and notice.id = any(${uuids(noticeIds)})
      on conflict do nothing`);
  }
}
