import "server-only";
import { sql, type SQL } from "drizzle-orm";
import { incidents } from "@/lib/db/schema/incidents";
import { brokerages, connections } from "@/lib/db/schema/connections";

/** A stopped connection that only its person can repair, now or once its brokerage can take a sign-in again. */
export const needsPerson: SQL = sql`(${connections.state} = 'disabled' and ${connections.removalRequestedAt} is null and ${brokerages.enabled})`;

/** One that a sign-in can repair now: its brokerage isn't under maintenance, and the break isn't one of many. */
export const repairableNow: SQL = sql`(${needsPerson} and not ${brokerages.maintenance} and not exists (
  select 1 from ${incidents} as incident where incident.brokerage_id = ${connections.brokerageId}
    and incident.ended_at is null and incident.began_at <= ${connections.disabledAt}))`;
