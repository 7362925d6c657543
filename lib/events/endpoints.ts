import "server-only";
import { randomUUID } from "node:crypto";
import { and, asc, eq, ne, sql } from "drizzle-orm";
import { AppError } from "@/lib/base/errors";
import { refuseInShadow } from "@/lib/base/mode";
import { affectedRows } from "@/lib/db/affected-rows";
import { database } from "@/lib/db/client";
import { maxDeleted } from "@/lib/db/delete-oldest";
import { hasState } from "@/lib/db/errors";
import { eventDeliveries, eventEndpoints } from "@/lib/db/schema/events";
import { deliverSoon } from "./nudge";
import { isAllowedUrl, NotDelivered, post } from "./post";
import { makeSecret, signedHeaders } from "./sign";

type Endpoint = typeof eventEndpoints.$inferSelect;
export type EventType = NonNullable<Endpoint["types"]>[number];

/** Each has its own attempts at the same time, so their number is limited. */
const maxEndpoints = 20;
/** How long the previous secret also signs. */
const previousHours = 24;
/** How many secrets before the previous one may sign, too. */
const maxOlder = 8;

/** What may be shown of an endpoint. */
interface EndpointView {
  id: string;
  url: string;
  /** Null for all of them. */
  types: EventType[] | null;
  createdAt: Date;
  failingSince: Date | null;
  lastError: string | null;
  pausedAt: Date | null;
  /** Waiting and dead deliveries, each counted up to 10,000. */
  waiting: number;
  dead: number;
}

const counted = (state: "waiting" | "dead") =>
  sql<number>`(select count(*)::int from (select 1 from ${eventDeliveries} where endpoint_id = ${eventEndpoints.id}
    and state = ${sql.raw(`'${state}'`)} limit 10000) as counted)`;

/** Lists all endpoints, oldest first, without their secrets. */
export async function listEndpoints(): Promise<EndpointView[]> {
  const db = await database();
  const { id, url, types, createdAt, failingSince, lastError, pausedAt } = eventEndpoints;
  return db
    .select({
      ...{ id, url, types, createdAt, failingSince, lastError, pausedAt },
      waiting: counted("waiting"),
      dead: counted("dead"),
    })
    .from(eventEndpoints)
    .orderBy(asc(createdAt), asc(id));
}

/**
 * Adds an endpoint, which receives what happens from now on.
 * @param types null for all
 * @param id given when a request may be repeated: the same endpoint then gets another secret
 * @returns its id and its secret, which is shown nowhere else
 * @throws AppError endpoint-not-allowed, endpoint-exists, too-many-endpoints
 */
export async function addEndpoint(
  address: string,
  types: EventType[] | null,
  now: Date,
  id: string = randomUUID(),
): Promise<{ id: string; secret: string }> {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (!url || address.length > 2_000 || !isAllowedUrl(url)) throw new AppError("endpoint-not-allowed");
  const db = await database();
  const others = await db
    .select({ url: eventEndpoints.url })
    .from(eventEndpoints)
    .where(ne(eventEndpoints.id, id));
  if (others.length >= maxEndpoints) throw new AppError("too-many-endpoints");
  if (others.some((other) => other.url === url.href)) throw new AppError("endpoint-exists");
  const { secret, sealedSecret } = makeSecret(id);
  await db
    .insert(eventEndpoints)
    .values({ id, url: url.href, sealedSecret, types, createdAt: now })
    .onConflictDoUpdate({ target: eventEndpoints.id, set: { sealedSecret } })
    .catch((error: unknown) => {
      throw hasState(error, /^23505$/) ? new AppError("endpoint-exists") : error;
    });
  return { id, secret };
}

/**
 * Gives an endpoint a new secret. The previous one also signs for another day, and so does any that still
 * signed, so it can be repeated when the answer was lost: the receiver's secret stays valid, whichever it is.
 * @returns the new secret, which is shown nowhere else
 * @throws AppError not-found, rotated-often
 */
export async function rotateSecret(id: string, now: Date): Promise<string> {
  const { secret, sealedSecret } = makeSecret(id);
  const db = await database();
  const { sealedPrevious, sealedOlder, previousUntil } = eventEndpoints;
  const older = sql`case when ${previousUntil} > ${now.toISOString()}::timestamptz
    then array_prepend(${sealedPrevious}, ${sealedOlder}) else '{}' end`;
  const rotated = await db
    .update(eventEndpoints)
    .set({
      sealedSecret,
      sealedPrevious: sql`${eventEndpoints.sealedSecret}`,
      sealedOlder: older,
      previousUntil: new Date(now.getTime() + previousHours * 3_600_000),
    })
    .where(and(isId(id), sql`cardinality(${older}) <= ${maxOlder}`))
    .returning({ id: eventEndpoints.id });
  if (rotated.length > 0) return secret;
  throw new AppError((await db.$count(eventEndpoints, isId(id))) > 0 ? "rotated-often" : "not-found");
}

/**
 * Sends one event of the type endpoint.test. If it is accepted, the endpoint is resumed, and what waits for
 * it is sent at once.
 * @returns why it was not accepted; null if it was
 * @throws AppError not-found; shadow-mode
 */
export async function testEndpoint(id: string, now: Date): Promise<string | null> {
  const db = await database();
  const [endpoint] = await db.select().from(eventEndpoints).where(isId(id));
  if (!endpoint) throw new AppError("not-found");
  refuseInShadow();
  const body = JSON.stringify({ type: "endpoint.test", timestamp: now.toISOString(), data: {} });
  try {
    await post(new URL(endpoint.url), signedHeaders(endpoint, randomUUID(), body, now), Buffer.from(body));
  } catch (error) {
    if (error instanceof NotDelivered) return error.message;
    throw error;
  }
  await resume(endpoint.id, now);
  return null;
}

async function resume(id: string, now: Date): Promise<void> {
  const db = await database();
  await db
    .update(eventEndpoints)
    .set({ failingSince: null, lastError: null, pausedAt: null })
    .where(eq(eventEndpoints.id, id));
  const moment = sql`${now.toISOString()}::timestamptz`;
  await inBatches(
    sql`update ${eventDeliveries} set run_at = ${moment} where ctid = any(array(
      select ctid from ${eventDeliveries} where endpoint_id = ${id}::uuid and state = 'waiting' and run_at > ${moment}
      limit ${maxDeleted} for update skip locked))`,
  );
  deliverSoon();
}

/**
 * Removes an endpoint and everything that waits for it.
 * @throws AppError not-found
 */
export async function removeEndpoint(id: string, now: Date): Promise<void> {
  const db = await database();
  const paused = await db
    .update(eventEndpoints)
    .set({ pausedAt: now })
    .where(isId(id))
    .returning({ id: eventEndpoints.id });
  if (paused.length === 0) throw new AppError("not-found");
  await inBatches(
    sql`delete from ${eventDeliveries} where ctid = any(array(
      select ctid from ${eventDeliveries} where endpoint_id = ${id}::uuid limit ${maxDeleted} for update skip locked))`,
  );
  await db.delete(eventEndpoints).where(eq(eventEndpoints.id, id));
}

/** As text, because an id from outside may not be a uuid. */
const isId = (id: string) => sql`${eventEndpoints.id}::text = ${id.toLowerCase()}`;

async function inBatches(statement: ReturnType<typeof sql>): Promise<void> {
  const db = await database();
  while (affectedRows(await db.execute(statement)) === maxDeleted);
}
