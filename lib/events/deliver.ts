import "server-only";
import { isNull } from "drizzle-orm";
import { coalesce } from "@/lib/base/coalesce";
import { describeError, log } from "@/lib/base/log";
import { isShadow } from "@/lib/base/mode";
import { count } from "@/lib/base/telemetry";
import { database } from "@/lib/db/client";
import { eventEndpoints } from "@/lib/db/schema/events";
import { isShuttingDown } from "@/lib/server/shutdown";
import {
  claimDeliveries,
  marginMs,
  recordDelivered,
  recordFailed,
  recordHealth,
  type Delivery,
} from "./claim";
import { drain } from "./drain";
import { setDeliver } from "./nudge";
import { NotDelivered, post } from "./post";
import { publishEvents } from "./publish";
import { deliverRelays } from "./relay";
import { signedHeaders } from "./sign";
import { payloadOf } from "./stream";
import { giveUpWithheld } from "./withheld";

type Endpoint = typeof eventEndpoints.$inferSelect;

/** Attempts at one endpoint at the same time; each endpoint has its own. */
const atOnce = 8;
/** For claiming; attempts under way may take another ten seconds. */
const claimWithinMs = 8_000;

export interface DeliveryCounts {
  delivered: number;
  failed: number;
}

/**
 * Publishes what was recorded, and delivers what is due to each endpoint: at least once, in the order of each
 * connection, and no endpoint waits for another. Any number of processes may do this at once. What there is
 * no time for waits for the next call. In shadow mode, nothing is delivered, and what was withheld for an hour is
 * given up.
 */
export async function deliverEvents(): Promise<DeliveryCounts & { more: boolean }> {
  await publishEvents(new Date());
  if (isShadow()) {
    await giveUpWithheld(new Date());
    return { delivered: 0, failed: 0, more: false };
  }
  const db = await database();
  const endpoints = await db.select().from(eventEndpoints).where(isNull(eventEndpoints.pausedAt));
  const runs = await Promise.all(endpoints.map(({ id }) => laneOf(id)()));
  return {
    delivered: runs.reduce((sum, { delivered }) => sum + delivered, 0),
    failed: runs.reduce((sum, { failed }) => sum + failed, 0),
    more: runs.some(({ more }) => more),
  };
}

type Lane = () => Promise<DeliveryCounts & { more: boolean }>;
/** One for each endpoint, so that calls at the same time share its attempts. */
const lanes = new Map<string, Lane>();

function laneOf(endpointId: string): Lane {
  const lane = lanes.get(endpointId) ?? coalesce(() => deliverTo(endpointId));
  lanes.set(endpointId, lane);
  return lane;
}

async function deliverTo(endpointId: string): Promise<DeliveryCounts & { more: boolean }> {
  const counts = { delivered: 0, failed: 0 };
  const db = await database();
  const endpoint = await db.query.eventEndpoints.findFirst({
    where: (row, { eq }) => eq(row.id, endpointId),
  });
  if (!endpoint || endpoint.pausedAt) return { ...counts, more: false };
  const more = await drain(
    async (room) =>
      endpoint.pausedAt || isShuttingDown() ? [] : claimDeliveries(endpointId, room, new Date()),
    (delivery) => attempt(endpoint, delivery, counts),
    { atOnce, endsAt: Date.now() + claimWithinMs },
  );
  return { ...counts, more };
}

/** @param endpoint as this run knows it; updated along the way */
async function attempt(endpoint: Endpoint, delivery: Delivery, counts: DeliveryCounts): Promise<void> {
  if (Date.now() > delivery.lockedUntil.getTime() - marginMs) return;
  const failure = await send(endpoint, delivery);
  const now = new Date();
  counts[failure ? "failed" : "delivered"]++;
  count("reconnect.deliveries", { type: "event", result: failure ? "failed" : "delivered" });
  if (failure) await recordFailed(delivery, failure, now);
  else await recordDelivered(delivery);
  if (!failure && !endpoint.failingSince) return;
  endpoint.failingSince = failure ? (endpoint.failingSince ?? now) : null;
  const health = await recordHealth(endpoint.id, failure, now);
  if (health?.pausedAt && !endpoint.pausedAt)
    log.error({ endpointId: endpoint.id }, "An endpoint keeps failing and was paused; it gets no events");
  endpoint.pausedAt = health?.pausedAt ?? null;
}

async function send(endpoint: Endpoint, delivery: Delivery): Promise<NotDelivered | null> {
  const body = JSON.stringify(payloadOf(delivery));
  try {
    const headers = signedHeaders(endpoint, delivery.eventId, body, new Date());
    await post(new URL(endpoint.url), headers, Buffer.from(body));
    return null;
  } catch (error) {
    if (error instanceof NotDelivered) return error;
    log.error(describeError(error), "An event could not be signed or sent");
    return new NotDelivered("could not be signed or sent");
  }
}

const gatherMs = 50;

/** Lets this process deliver events and relay webhooks soon after they are stored, besides the timer's rounds. */
export function startDelivering(): void {
  let planned = false;
  const soon = () => {
    if (planned) return;
    planned = true;
    setTimeout(() => {
      planned = false;
      for (const deliver of [deliverEvents, deliverRelays])
        deliver().then(
          ({ more }) => (more ? soon() : undefined),
          (error: unknown) =>
            log.error(describeError(error), "Nothing could be delivered; a round will try again"),
        );
    }, gatherMs).unref();
  };
  setDeliver(soon);
}
