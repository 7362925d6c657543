import "server-only";
import { sql } from "drizzle-orm";
import { isShadow } from "@/lib/base/mode";
import { afterTransaction } from "@/lib/db/changes";
import type { Transaction } from "@/lib/db/database";
import { recordset, uuids } from "@/lib/db/recordset";
import { brokerages, connections } from "@/lib/db/schema/connections";
import { events } from "@/lib/db/schema/events";
import { users } from "@/lib/db/schema/users";
import { deliverSoon } from "./nudge";

/** Something that the company's servers should know. */
export interface NewEvent {
  type: (typeof events.$inferInsert)["type"];
  userId: string;
  connectionId: string | null;
  /** When it happened. */
  at: Date;
  /** What its receivers learn besides the person and the connection; never a secret. */
  data: Record<string, unknown>;
}

const columns = {
  place: "int",
  type: "text",
  userId: "uuid",
  connectionId: "uuid",
  at: "timestamptz",
  data: "jsonb",
};

/**
 * Records events in the transaction that causes them, in this order, with one statement, and sends them soon
 * after the commit. The caller holds the lock of each event's connection and has already written its state.
 * Records nothing about someone else's connection, or about anyone who isn't one of our users, and nothing at
 * all in shadow mode, so that nothing old is announced after going live.
 */
export async function recordEvents(tx: Pick<Transaction, "execute">, recorded: NewEvent[]): Promise<void> {
  if (recorded.length === 0 || isShadow()) return;
  const rows = recorded.map((event, place) => ({ ...event, place }));
  const about = uuids(recorded.flatMap(({ connectionId }) => connectionId ?? []));
  await tx.execute(sql`
    insert into ${events} (type, user_id, connection_id, at, data)
    select event.type, person.id, connection.id, event.at,
      jsonb_build_object('user', jsonb_build_object('id', person.id, 'external_id', person.external_id))
        || case when connection.id is null then '{}' else jsonb_build_object('connection', jsonb_build_object(
          'id', connection.id, 'state', connection.state,
          'brokerage', jsonb_build_object('slug', brokerage.slug, 'name', brokerage.name))) end
        || event.data
    from ${recordset("event", columns, rows)}
    join ${users} as person on person.id = any(${uuids(new Set(recorded.map(({ userId }) => userId)))})
      and person.id = event."userId"
    left join ${connections} as connection on connection.id = any(${about}) and connection.id = event."connectionId"
      and connection.user_id = person.id
    left join ${brokerages} as brokerage on brokerage.id = connection.brokerage_id
    where event."connectionId" is null or connection.id is not null
    order by event.place`);
  afterTransaction(tx, deliverSoon);
}
