import "server-only";
import { and, eq, sql } from "drizzle-orm";
import { growingGapMs } from "@/lib/base/backoff";
import { database } from "@/lib/db/client";
import { eventDeliveries, eventEndpoints, events } from "@/lib/db/schema/events";
import { postWithinMs, type NotDelivered } from "./post";

/** A worker that holds a delivery for longer than this is considered dead. */
export const leaseMs = 60_000;
/** An attempt begins only if its lease lasts for longer than it can take. */
export const marginMs = 2 * postWithinMs;
/** With the gaps of growingGapMs, the last attempt comes after three and a half days. */
export const maxAttempts = 10;
/** An endpoint at which everything has failed for this long is paused. */
const pausedAfterMs = 86_400_000;
const gone = 410;

/** One event on its way to one endpoint, under our lease. */
export interface Delivery {
  eventId: string;
  endpointId: string;
  attempts: number;
  lockedUntil: Date;
  type: typeof events.$inferSelect.type;
  at: Date;
  data: Record<string, unknown>;
}

/** A moment as a parameter of a statement. */
export const timestamp = (at: Date) => sql`${at.toISOString()}::timestamptz`;

/**
 * True if no worker holds it. A lease that ends much later than one taken now was taken before a clock was
 * set back.
 */
export const isFree = (now: Date) =>
  sql`(locked_until is null or locked_until <= ${timestamp(now)}
    or locked_until > ${timestamp(new Date(now.getTime() + 2 * leaseMs))})`;

/**
 * Claims deliveries to this endpoint that are due, longest due first: of each line only the first one that is
 * waiting, so that the next one follows only after it was delivered or given up.
 * @param now our clock
 */
export async function claimDeliveries(endpointId: string, room: number, now: Date): Promise<Delivery[]> {
  const db = await database();
  const lockedUntil = new Date(now.getTime() + leaseMs);
  const found: unknown = await db.execute(sql`
    with head as materialized (
      select event_id from ${eventDeliveries} as delivery
      where endpoint_id = ${endpointId}::uuid and state = 'waiting' and run_at <= ${timestamp(now)} and ${isFree(now)}
        and not exists (
          select 1 from ${eventDeliveries} as before
          where before.endpoint_id = delivery.endpoint_id and before.line = delivery.line and before.state = 'waiting'
            and before.position < delivery.position
        )
      order by run_at limit ${room} for update skip locked
    ), claimed as (
      update ${eventDeliveries} as delivery set attempts = attempts + 1, locked_until = ${timestamp(lockedUntil)}
      from head where delivery.event_id = head.event_id and delivery.endpoint_id = ${endpointId}::uuid
      returning delivery.event_id, attempts, position
    )
    select event_id as "eventId", attempts, type, extract(epoch from event.at)::float8 * 1000 as ms, data
    from claimed join ${events} as event on event.id = claimed.event_id order by claimed.position`);
  const { rows } = found as { rows: (Omit<Delivery, "at"> & { ms: number })[] };
  return rows.map(({ ms, ...row }) => ({ ...row, endpointId, lockedUntil, at: new Date(ms) }));
}

/** Matches the delivery only if no one has claimed it since this attempt. */
const stillOurs = ({ eventId, endpointId, attempts }: Delivery) =>
  and(
    eq(eventDeliveries.eventId, eventId),
    eq(eventDeliveries.endpointId, endpointId),
    eq(eventDeliveries.attempts, attempts),
    eq(eventDeliveries.state, "waiting"),
  );

/** Records that a delivery was accepted. */
export async function recordDelivered(delivery: Delivery): Promise<void> {
  const db = await database();
  await db.delete(eventDeliveries).where(stillOurs(delivery));
}

/**
 * Records that an attempt failed, and why. The delivery is tried again after a growing gap, and the rest of
 * its line not before it, except for rows that are locked because they are being deleted; after the last attempt it is
 * dead, and its line goes on.
 */
export async function recordFailed(delivery: Delivery, { message }: NotDelivered, now: Date): Promise<void> {
  const db = await database();
  const next = timestamp(new Date(now.getTime() + growingGapMs(delivery.attempts - 1)));
  const { endpointId, attempts } = delivery;
  await db.execute(sql`
    with failed as (
      update ${eventDeliveries} set state = ${attempts >= maxAttempts ? "dead" : "waiting"}, run_at = ${next},
        locked_until = null, last_error = ${message}
      where ${stillOurs(delivery)} returning line, position, state
    )
    update ${eventDeliveries} set run_at = greatest(run_at, ${next}) where ctid = any(array(
      select later.ctid from ${eventDeliveries} as later join failed on later.line = failed.line
      where failed.state = 'waiting' and later.endpoint_id = ${endpointId}::uuid
        and later.state = 'waiting' and later.position > failed.position
      for update of later skip locked))`);
}

/** Records how an endpoint is doing; one that keeps failing, or says that it is gone, is paused. */
export async function recordHealth(
  endpointId: string,
  failure: NotDelivered | null,
  now: Date,
): Promise<{ pausedAt: Date | null } | undefined> {
  const db = await database();
  const { failingSince, pausedAt } = eventEndpoints;
  const since = sql`coalesce(${failingSince}, ${timestamp(now)})`;
  const tooLong = sql`${since} <= ${timestamp(new Date(now.getTime() - pausedAfterMs))}`;
  const isOver = failure?.status === gone ? sql`true` : tooLong;
  const [row] = await db
    .update(eventEndpoints)
    .set(
      failure
        ? {
            failingSince: since,
            lastError: failure.message,
            pausedAt: sql`case when ${isOver} then coalesce(${pausedAt}, ${timestamp(now)}) else ${pausedAt} end`,
          }
        : { failingSince: null, lastError: null },
    )
    .where(eq(eventEndpoints.id, endpointId))
    .returning({ pausedAt });
  return row;
}
