import "server-only";
import { sql } from "drizzle-orm";
import { affectedRows } from "@/lib/db/affected-rows";
import type { Transaction } from "@/lib/db/database";
import { recordset } from "@/lib/db/recordset";
import { inboxEvents, webhookEvents } from "@/lib/db/schema/webhooks";
import type { Outcome, StoredEvent } from "./effects";

/** Another worker has claimed the event since, and its attempt is the one that counts. */
export class LeaseLost extends Error {}

/**
 * Moves applied events, with their outcomes, from the inbox to the processed events. Runs in the transaction
 * that applied them, so that each takes effect once. An event that isn't about any of our users may be about
 * someone whose account was deleted, so its contents are not kept.
 * @throws LeaseLost if another worker has claimed one of them; the transaction must then be rolled back
 */
export async function finish(
  tx: Transaction,
  events: StoredEvent[],
  outcomes: Map<string, Outcome>,
): Promise<void> {
  const applied = events.map(({ id, attempts }) => ({ id, attempts, outcome: outcomes.get(id) }));
  // As in emptiedEvent.
  const kept = sql.raw("outcome not in ('unknown-user', 'other-client')");
  const moved = await tx.execute(sql`
    with finished as (
      delete from ${inboxEvents} using ${recordset("applied", { id: "text", attempts: "int", outcome: "text" }, applied)}
      where ${inboxEvents}.id = any(array(select json_array_elements_text(${JSON.stringify(applied.map(({ id }) => id))}::json)))
        and ${inboxEvents}.id = applied.id and ${inboxEvents}.attempts = applied.attempts and state = 'waiting'
      returning ${inboxEvents}.*, applied.outcome
    )
    insert into ${webhookEvents} (id, received_at, happened_at, connection_id, brokerage_id, attempts, type, snaptrade_user_id, client_id,
      sign_in_result, payload, outcome)
    select id, received_at, happened_at, case when ${kept} then connection_id end, brokerage_id, attempts, type,
      case when ${kept} then snaptrade_user_id end, client_id, case when ${kept} then sign_in_result end,
      case when ${kept} then payload else '{}' end, outcome
    from finished`);
  if (affectedRows(moved) < events.length) throw new LeaseLost();
}
