import "server-only";
import { createHash } from "node:crypto";
import { and, eq, lt, sql, type SQL } from "drizzle-orm";
import { growingGapMs } from "@/lib/base/backoff";
import { coalesce } from "@/lib/base/coalesce";
import { env } from "@/lib/base/env";
import { log } from "@/lib/base/log";
import { count } from "@/lib/base/telemetry";
import { database } from "@/lib/db/client";
import { deleteOldest } from "@/lib/db/delete-oldest";
import { recordset } from "@/lib/db/recordset";
import { webhookRelays } from "@/lib/db/schema/webhooks";
import { isShuttingDown } from "@/lib/server/shutdown";
import { openSecret, sealSecret } from "@/lib/snaptrade/user-secret";
import { isFree, leaseMs, marginMs, maxAttempts, timestamp } from "./claim";
import { drain } from "./drain";
import { NotDelivered, post } from "./post";

/** One webhook on its way to one address. */
export interface Relay {
  webhookId: string;
  target: string;
  sealed: string;
  receivedAt: Date;
}

const atOnce = 16;
const claimWithinMs = 8_000;
/** Longer than any is retried; only those to addresses that aren't configured anymore get this old. */
const keptMs = 5 * 86_400_000;

const targetOf = (url: string) => createHash("sha256").update(url).digest("hex");
/** The row that the sealed bytes are bound to (sealSecret). */
const boundTo = ({ webhookId, target }: Pick<Relay, "webhookId" | "target">) =>
  `relay/${webhookId}/${target}`;

/**
 * What has to be stored with a webhook so that its exact bytes and signature reach WEBHOOK_RELAY_URLS; empty
 * without that setting.
 */
export function relaysOf(
  webhookId: string,
  body: Uint8Array,
  signature: string | null,
  receivedAt: Date,
): Relay[] {
  const { WEBHOOK_RELAY_URLS: urls } = env();
  if (urls.length === 0) return [];
  const sent = JSON.stringify({ body: Buffer.from(body).toString("base64"), signature });
  return urls.map((url) => {
    const row = { webhookId, target: targetOf(url) };
    return { ...row, sealed: sealSecret(sent, boundTo(row)), receivedAt };
  });
}

const columns = { webhookId: "text", target: "text", sealed: "text", receivedAt: "timestamptz" };

/**
 * The part of a statement that stores relays along with their webhooks: a further common table expression;
 * empty if there are none.
 * @param fresh the name of the expression with the ids of those webhooks that were not known
 */
export function storingRelays(relays: Relay[], fresh: SQL): SQL {
  if (relays.length === 0) return sql``;
  return sql`, relayed as (
    insert into ${webhookRelays} (webhook_id, target, sealed, received_at, run_at)
    select "webhookId", target, sealed, "receivedAt", "receivedAt" from ${recordset("relay", columns, relays)}
    where "webhookId" in (select id from ${fresh}) on conflict do nothing)`;
}

/** Deletes relays to addresses that are no longer configured. */
export function deleteOldRelays(now: Date): Promise<number> {
  const { receivedAt } = webhookRelays;
  return deleteOldest(webhookRelays, receivedAt, lt(receivedAt, new Date(now.getTime() - keptMs)));
}

interface RelayCounts {
  delivered: number;
  failed: number;
  more: boolean;
}

/**
 * Passes webhooks on to WEBHOOK_RELAY_URLS: at least once, and no address waits for another. Any number of
 * processes may do this at once. What there is no time for waits for the next call. In shadow mode, there are
 * no such addresses (lib/base/env.ts).
 */
export async function deliverRelays(): Promise<RelayCounts> {
  const runs = await Promise.all(env().WEBHOOK_RELAY_URLS.map((url) => laneOf(url)()));
  return {
    delivered: runs.reduce((sum, { delivered }) => sum + delivered, 0),
    failed: runs.reduce((sum, { failed }) => sum + failed, 0),
    more: runs.some(({ more }) => more),
  };
}

const lanes = new Map<string, () => Promise<RelayCounts>>();

function laneOf(url: string) {
  const lane = lanes.get(url) ?? coalesce(() => relayTo(url));
  lanes.set(url, lane);
  return lane;
}

async function relayTo(url: string): Promise<RelayCounts> {
  const counts = { delivered: 0, failed: 0 };
  const target = targetOf(url);
  const more = await drain(
    async (room) => (isShuttingDown() ? [] : claimRelays(target, room, new Date())),
    async (relay) => {
      if (Date.now() > (relay.lockedUntil?.getTime() ?? 0) - marginMs) return;
      const failure = await send(url, relay);
      counts[failure ? "failed" : "delivered"]++;
      count("reconnect.deliveries", { type: "relay", result: failure ? "failed" : "delivered" });
      await recordResult(relay, failure, new Date());
    },
    { atOnce, endsAt: Date.now() + claimWithinMs },
  );
  return { ...counts, more };
}

type Claimed = typeof webhookRelays.$inferSelect;

async function claimRelays(target: string, room: number, now: Date): Promise<Claimed[]> {
  const db = await database();
  return db
    .update(webhookRelays)
    .set({
      attempts: sql`${webhookRelays.attempts} + 1`,
      lockedUntil: new Date(now.getTime() + leaseMs),
    })
    .where(
      sql`${webhookRelays.id} = any(array(select id from ${webhookRelays} where target = ${target}
        and run_at <= ${timestamp(now)} and ${isFree(now)} order by run_at limit ${room} for update skip locked))`,
    )
    .returning();
}

async function send(url: string, relay: Claimed): Promise<NotDelivered | null> {
  try {
    const { body, signature } = JSON.parse(openSecret(relay.sealed, boundTo(relay))) as {
      body: string;
      signature: string | null;
    };
    const headers = { "Content-Type": "application/json", ...(signature ? { Signature: signature } : {}) };
    await post(new URL(url), headers, Buffer.from(body, "base64"));
    return null;
  } catch (error) {
    return error instanceof NotDelivered ? error : new NotDelivered("could not be opened or sent");
  }
}

async function recordResult(
  { id, attempts, webhookId }: Claimed,
  failure: NotDelivered | null,
  now: Date,
): Promise<void> {
  const db = await database();
  const stillOurs = and(eq(webhookRelays.id, id), eq(webhookRelays.attempts, attempts));
  const isOver = !failure || attempts >= maxAttempts;
  if (failure && isOver) log.error({ webhookId, reason: failure.message }, "A webhook could not be relayed");
  if (isOver) await db.delete(webhookRelays).where(stillOurs);
  else
    await db
      .update(webhookRelays)
      .set({
        runAt: new Date(now.getTime() + growingGapMs(attempts - 1)),
        lockedUntil: null,
        lastError: failure.message,
      })
      .where(stillOurs);
}

/** Counts webhooks, up to 1,000, that wait to be relayed and are sealed under an older key. */
export async function countRelaysUnderOlderKeys(): Promise<number> {
  const db = await database();
  const prefix = `${env().ENCRYPTION_KEYS[0]?.id ?? ""}.`;
  const found: unknown = await db.execute(sql`
    select count(*)::int as count from (
      select 1 from ${webhookRelays} where not starts_with(sealed, ${prefix}) limit 1000
    ) as older`);
  return (found as { rows: { count: number }[] }).rows[0]?.count ?? 0;
}
