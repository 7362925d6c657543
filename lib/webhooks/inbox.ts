import "server-only";
import { sql } from "drizzle-orm";
import { database } from "@/lib/db/client";
import { isRefusedData } from "@/lib/db/errors";
import { recordset } from "@/lib/db/recordset";
import { dayOf } from "@/lib/db/days";
import { inboxEvents, webhookEventIds } from "@/lib/db/schema/webhooks";
import { describeError, log } from "@/lib/base/log";
import { count, eventSpan } from "@/lib/base/telemetry";
import { withOwnId } from "@/lib/base/request-id";
import { coalesce } from "@/lib/base/coalesce";
import { deliverSoon } from "@/lib/events/nudge";
import { relaysOf, storingRelays, type Relay } from "@/lib/events/relay";
import { JsonSyntaxError, parseJson, printJson, type Json } from "@/lib/snaptrade/canonical-json";
import { readWebhookEvent, type WebhookEvent } from "@/lib/snaptrade/webhook-event";
import { isSignedBySnapTrade } from "@/lib/snaptrade/webhook-signature";
import { isolateFailures } from "./isolate-failures";
import { idDays } from "./retention";

/** "away": the event could not be stored in time, and SnapTrade should send it again. */
export type Receipt = "stored" | "not-signed" | "not-readable" | "away";

const storeWithinMs = 2_000;
/**
 * How long a hanging database may block the next batch. What it stores after that is just not acknowledged.
 */
const storeAllWithinMs = 5_000;
const maxConcurrent = 500;
/** How long a batch waits for more events, if the one before it, this recently, had several. */
const gatherMs = 12;
const burstMs = 100;

/**
 * Receives one delivery: verifies the signature, and stores the event unless it is already stored. Returns
 * "stored" only after the commit. There is no age limit, because SnapTrade's first retry comes after 30
 * minutes (docs/snaptrade.md §6.8) and an event takes effect at its own timestamp (docs/decisions/0007).
 * @param body the bytes as received
 * @param now our clock
 */
export async function receiveEvent(
  body: Uint8Array,
  signature: string | null,
  now = new Date(),
): Promise<Receipt> {
  const receipt = await receive(body, signature, now);
  count("reconnect.webhook.receipts", { receipt });
  return receipt;
}

async function receive(body: Uint8Array, signature: string | null, now: Date): Promise<Receipt> {
  const parsed = parseBody(body);
  if (!isSignedBySnapTrade(body, parsed === null ? null : printJson(parsed), signature)) return "not-signed";
  const event = readWebhookEvent(parsed);
  if (!event) return "not-readable";
  const relays = relaysOf(event.id, body, signature, now);
  const stored = await eventSpan("webhook receive", { begin: event.id }, () =>
    storeInTime({ ...event, relays }, now),
  );
  if (stored && relays.length > 0) deliverSoon();
  return stored ? "stored" : "away";
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

function parseBody(body: Uint8Array): Json | null {
  try {
    return parseJson(utf8.decode(body));
  } catch (error) {
    if (error instanceof JsonSyntaxError || error instanceof TypeError) return null;
    throw error;
  }
}

type ReceivedEvent = WebhookEvent & { relays: Relay[] };

interface Waiting {
  event: ReceivedEvent;
  receivedAt: Date;
  lateAt: number;
  /** Called with whether the event is committed; only the first call counts. */
  resolve: (stored: boolean) => void;
}

/** In order of arrival, so the first entry is the first to be late. */
const waiting = new Set<Waiting>();
const unanswered = new Set<Waiting>();

function storeInTime(event: ReceivedEvent, receivedAt: Date): Promise<boolean> {
  return new Promise((resolve) => {
    const entry: Waiting = { event, receivedAt, lateAt: Date.now() + storeWithinMs, resolve };
    waiting.add(entry);
    unanswered.add(entry);
    watch ??= setTimeout(answerLate, storeWithinMs);
    storeSoon();
  });
}

/** One timer for all entries; one per entry would cost more than verifying its signature. */
let watch: NodeJS.Timeout | undefined;

function answerLate() {
  watch = undefined;
  for (const entry of unanswered) {
    if (entry.lateAt > Date.now()) {
      watch = setTimeout(answerLate, entry.lateAt - Date.now());
      return;
    }
    log.warn({ eventId: entry.event.id }, "A webhook event could not be stored in time");
    waiting.delete(entry);
    answer(entry, false);
  }
}

/** Only the first answer counts. */
function answer(entry: Waiting, stored: boolean) {
  if (unanswered.delete(entry)) entry.resolve(stored);
}

/** When the last batch with several events was stored. */
let lastBurstAt = -Infinity;

/**
 * Events that arrive during a commit, or in a burst, share the next commit: many concurrent events need few
 * commits and one connection, and one that arrives alone does not wait.
 */
const storeAll = coalesce(() => withOwnId("inbox", storeWaiting), storeAllWithinMs);

async function storeWaiting(): Promise<void> {
  if (Date.now() - lastBurstAt < burstMs) await new Promise((resolve) => setTimeout(resolve, gatherMs));
  const batch = [...waiting].slice(0, maxConcurrent);
  if (batch.length > 1) lastBurstAt = Date.now();
  for (const entry of batch) waiting.delete(entry);
  await storeBatch(batch).catch((error: unknown) =>
    log.error(describeError(error), "Webhook events could not be stored"),
  );
  for (const entry of batch) answer(entry, false);
  if (waiting.size > 0) storeSoon();
}

function storeSoon() {
  storeAll().catch((error: unknown) =>
    log.error(describeError(error), "Storing webhook events did not finish"),
  );
}

/**
 * Stores a batch and acknowledges each event once it is committed. If the database rejects the batch, its
 * events are divided until the rejected ones are alone; one that is rejected for its content is stored as
 * unreadable. Events without an acknowledgment are answered as not stored.
 */
async function storeBatch(batch: Waiting[]): Promise<void> {
  const endsAt = batch[0]?.lateAt ?? 0;
  const failures = await isolateFailures(batch, endsAt, async (part) => {
    await insert(part.map(({ event, receivedAt }) => ({ ...event, receivedAt })));
    for (const entry of part) answer(entry, true);
  });
  for (const { items, error } of failures) {
    log.error(describeError(error), "Webhook events could not be stored");
    const [only, ...others] = items;
    if (!only || others.length > 0 || !isRefusedData(error)) continue;
    await insert([{ ...bareOf(only.event), receivedAt: only.receivedAt }]);
    answer(only, true);
  }
}

/** The parts of an event that can be stored, whatever else it contains. */
function bareOf({ id, type, payload, relays }: ReceivedEvent): ReceivedEvent {
  const absent = {
    snapTradeUserId: null,
    clientId: null,
    connectionId: null,
    brokerageId: null,
    signInResult: null,
    happenedAt: null,
  };
  return { id, type, payload, relays, ...absent, unreadable: "The database rejected its content" };
}

const dayMs = 86_400_000;
/**
 * A copy may be dated later than the first delivery (docs/snaptrade.md §8.4), and SnapTrade's last retry
 * comes within hours.
 */
const retriedWithinMs = dayMs;

/**
 * The first day on which a copy of one of these events can have arrived, since no event arrives before it
 * happens. So nearly every event needs only the newest ids, however long ids are kept.
 */
function firstDayOf(rows: { happenedAt: Date | null; receivedAt: Date }[]): string {
  const days = rows.map(({ happenedAt, receivedAt }) => {
    const oldest = receivedAt.getTime() - idDays * dayMs;
    const happened = Math.min(happenedAt?.getTime() ?? oldest, receivedAt.getTime());
    return Math.max(oldest, happened - retriedWithinMs);
  });
  return dayOf(new Date(Math.min(...days)));
}

const arrivedColumns = {
  id: "text",
  type: "text",
  snapTradeUserId: "text",
  clientId: "text",
  connectionId: "uuid",
  brokerageId: "uuid",
  signInResult: "text",
  happenedAt: "timestamptz",
  payload: "text",
  receivedAt: "timestamptz",
  unreadable: "text",
  day: "date",
};

/**
 * Stores the events whose ids are new. All rows are passed as one parameter, because building the statement
 * value by value would cost more than the rest of the batch. The days are parameters, so that only their
 * partitions are opened.
 */
async function insert(rows: (ReceivedEvent & { receivedAt: Date })[]): Promise<void> {
  const db = await database();
  const relays = rows.flatMap((row) => row.relays);
  const dated = rows.map((row) => ({ ...row, relays: undefined, day: dayOf(row.receivedAt) }));
  const lastDay = dated.reduce((last, { day }) => (day > last ? day : last), "");
  await db.execute(sql`
    with arrived as (
      select * from ${recordset("event", arrivedColumns, dated)}
    ), fresh as (
      insert into ${webhookEventIds} (id, day) select id, day from arrived
      where not exists (
        select 1 from ${webhookEventIds} as known
        where known.id = arrived.id and known.day >= ${firstDayOf(rows)}::date and known.day <= ${lastDay}::date
        -- Forces one index lookup per event; a join might read the whole day.
        offset 0
      )
      on conflict do nothing returning id
    )${storingRelays(relays, sql.raw("fresh"))}
    insert into ${inboxEvents} (id, type, snaptrade_user_id, client_id, connection_id, brokerage_id, sign_in_result, happened_at, payload, received_at,
      run_at, state, last_error)
    select id, type, "snapTradeUserId", "clientId", "connectionId", "brokerageId", "signInResult", "happenedAt", payload, "receivedAt",
      "receivedAt", case when unreadable is null then 'waiting' else 'dead' end, unreadable
    from arrived where id in (select id from fresh)
    -- A batch may contain two copies, and a dead event outlives its id.
    on conflict do nothing`);
}
