import "server-only";
import { sql } from "drizzle-orm";
import { isShadow } from "@/lib/base/mode";
import type { Transaction } from "@/lib/db/database";
import { recordset, uuids } from "@/lib/db/recordset";
import { connections, episodes } from "@/lib/db/schema/connections";
import { portalSessions } from "@/lib/db/schema/portal";
import { recordEvents } from "@/lib/events/record";
import { daysToUsualEnd, signedInAt, type Lifetimes } from "./lifetimes";

/** How long before the usual end its receivers learn of it. */
const noticeDays = 7;
const dayMs = 86_400_000;

/**
 * Records connection.expiring for this person's working connections that usually break within a week, once
 * after each sign-in. The caller holds the locks of the person's connections. In shadow mode, nothing is
 * recorded, so it is announced after going live.
 * @param now our clock
 */
export async function recordExpiring(
  tx: Transaction,
  userId: string,
  lifetimes: Map<string, Lifetimes>,
  now: Date,
): Promise<void> {
  if (lifetimes.size === 0 || isShadow()) return;
  const due = (await listWorking(tx, userId, lifetimes)).flatMap(
    ({ id, announcedAt, brokerageId, ...row }) => {
      const worksSince = signedInAt(row, now);
      const facts = { enabled: true, worksSince, lifetimes: lifetimes.get(brokerageId) ?? null };
      const days = daysToUsualEnd(facts, now);
      if (days === null || days > noticeDays || !worksSince) return [];
      return announcedAt && announcedAt >= worksSince ? [] : [{ id, worksSince, days }];
    },
  );
  if (due.length === 0) return;
  await tx.execute(sql`
    update ${connections} set expiring_since = due."worksSince"
    from ${recordset("due", { id: "uuid", worksSince: "timestamptz" }, due)}
    where ${connections}.id = any(${uuids(due.map(({ id }) => id))}) and ${connections}.id = due.id`);
  await recordEvents(
    tx,
    due.map(({ id, days, worksSince }) => ({
      type: "connection.expiring",
      userId,
      connectionId: id,
      at: now,
      data: { signed_in_at: worksSince, usually_ends_at: new Date(now.getTime() + days * dayMs) },
    })),
  );
}

/** This person's working connections, and the sign-ins that signedInAt reads. */
async function listWorking(tx: Transaction, userId: string, lifetimes: Map<string, Lifetimes>) {
  const newest = (of: ReturnType<typeof sql>) => sql<string | null>`(select max(ended_at)::text from ${of})`;
  const rows = await tx
    .select({
      id: connections.id,
      brokerageId: connections.brokerageId,
      connectedSince: connections.connectedSince,
      announcedAt: connections.expiringSince,
      repairedAt: newest(sql`${episodes} as one where one.connection_id = ${connections.id}`),
      signedInAt: newest(
        sql`${portalSessions} as one where one.connection_id = ${connections.id} and one.outcome = 'fixed'`,
      ),
    })
    .from(connections)
    .where(
      sql`${connections.userId} = ${userId}::uuid and ${connections.state} = 'enabled'
        and ${connections.brokerageId} = any(${uuids(lifetimes.keys())})`,
    );
  return rows.map(({ repairedAt, signedInAt, ...row }) => ({
    ...row,
    episodes: [{ endedAt: dateOf(repairedAt) }],
    portalSessions: [{ outcome: "fixed", endedAt: dateOf(signedInAt) }],
  }));
}

const dateOf = (text: string | null) => (text === null ? null : new Date(text));
