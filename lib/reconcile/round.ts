import "server-only";
import { backgroundPerMinute, forgetOldCalls, inBackground, roomForBackground } from "@/lib/budget";
import { isBrokerageListDue, readBrokerages } from "@/lib/connections/look/brokerages";
import { countWatched, lastWatched, listCandidates, scheduleNextLooks } from "./candidates";
import { finishForgetting } from "@/lib/account/delete";
import { deleteFormerSnapTradeUsers, type FormerUserCounts } from "@/lib/account/former-users";
import { recordIncidents } from "@/lib/connections/observations/incidents";
import { look } from "@/lib/connections/look/look";
import { countMissedWebhooks, type WebhookRecord } from "./missed-webhooks";
import { endDueSessions } from "@/lib/fix-sessions/ending/due";
import { closeAbandonedSessions } from "@/lib/connections/portal/abandoned";
import { boundMs, chooseLooks } from "./policy";
import { askRefusedAgain } from "@/lib/connections/look/ask-again";
import { repeatRemovals } from "@/lib/connections/look/remove";
import { env } from "@/lib/base/env";
import { describeError, log } from "@/lib/base/log";
import { count, observe, record, span } from "@/lib/base/telemetry";
import { withOwnId } from "@/lib/base/request-id";
import { measureDeliveries } from "@/lib/events/backlog";
import { deliverEvents, type DeliveryCounts } from "@/lib/events/deliver";
import { deliverRelays } from "@/lib/events/relay";
import { sendDueNotices, type NoticeCounts } from "@/lib/notifications/send";
import { endRound, keepRound, RoundLost, takeRound, type Round } from "./lease";
import { forEachConcurrently } from "@/lib/base/for-each-concurrently";
import { removeOld, type RetentionCounts } from "./retention";
import { stepsWithin } from "./steps";
import { withinTime } from "@/lib/base/time-limit";
import { countBacklog } from "@/lib/webhooks/backlog";
import { processInbox, type InboxCounts } from "@/lib/webhooks/process";

/**
 * The results of a round. The result of a failed step is null and its name is in `failed`; a failed part of a
 * step appears as, for example, "inbox/heartbeats".
 */
export interface RoundCounts {
  failed: string[];
  inbox: InboxCounts | null;
  looks: { made: number; failed: number } | null;
  /** Abandoned portal sessions that were closed. */
  sessions: number | null;
  /** Fix sessions that ran out of time. */
  fixSessions: number | null;
  /** SnapTrade users that no longer belong to anyone. */
  formerUsers: FormerUserCounts | null;
  /** Removals that were requested from SnapTrade again. */
  removals: number | null;
  /** People whose secret SnapTrade had rejected and now accepts. */
  accepted: number | null;
  /** People whose account deletion was finished. */
  forgotten: number | null;
  brokerages: "read" | "fresh" | "not-read" | null;
  incidents: { begun: string[]; ended: string[] } | null;
  notices: NoticeCounts | null;
  /** Events delivered to the company's servers, and webhooks passed on to its own listener. */
  deliveries: { events: DeliveryCounts; relays: DeliveryCounts } | null;
  /** What retention removed. */
  retention: RetentionCounts | null;
  webhooks: WebhookRecord | null;
  /** Waiting and dead webhook events. */
  events: { waiting: number; dead: number } | null;
  /** How long a break can go unnoticed at most if its webhook is lost. */
  bound: { watched: number; minutes: number } | null;
}

const everyMs = 30_000;
/**
 * The time limit of each step; a round takes at most `maxRoundMs`. Each is shorter than the round's lease
 * (lease.ts).
 */
export const stepLimitsMs = {
  calls: 4_000,
  inbox: 50_000,
  bound: 4_000,
  looks: 42_000,
  sessions: 15_000,
  fixSessions: 4_000,
  accepted: 10_000,
  removals: 10_000,
  formerUsers: 10_000,
  forgotten: 15_000,
  brokerages: 10_000,
  incidents: 10_000,
  notices: 35_000,
  deliveries: 25_000,
  retention: 8_000,
  webhooks: 4_000,
  events: 4_000,
  sending: 4_000,
};
/** The time limit of a round. Deliveries run beside the notices, which may take longer. */
export const maxRoundMs =
  Object.values({ ...stepLimitsMs, deliveries: 0 }).reduce((sum, limit) => sum + limit, 0) +
  // For the queries that start, extend, and end the round.
  60_000;
const looksPace = { atOnce: 6, withinMs: 25_000, eachWithinMs: 15_000 };
/** Leaves time to finish the table in progress. */
const retentionWithinMs = 4_000;
const missedShare = 0.05;

/**
 * Runs the timer's round, which catches up on everything that no page or webhook has handled since the last
 * one. Only one runs at a time across all processes. It is bounded in time, and leftovers come first in the
 * next one. A failing step or person is counted and stops no other.
 * @returns null if another process holds the round
 */
export function reconcile(now = new Date()): Promise<RoundCounts | null> {
  return withOwnId("round", () => runRound(now));
}

async function runRound(now: Date): Promise<RoundCounts | null> {
  const round = await takeRound(now);
  if (!round) return null;
  try {
    const startedAt = Date.now();
    const counts = await inBackground(() => span("round", {}, () => workThrough(now, round)));
    record("reconnect.round.duration", (Date.now() - startedAt) / 1_000);
    for (const step of counts.failed) count("reconnect.round.failures", { step });
    log.info(counts, "Round finished");
    await endRound(round, {
      failed: counts.failed,
      events: counts.events,
      lostBreakFoundWithinMinutes: counts.bound?.minutes ?? null,
    });
    return counts;
  } catch (error) {
    if (!(error instanceof RoundLost)) throw error;
    log.warn(describeError(error), "The round was lost to another process");
    return null;
  }
}

async function workThrough(now: Date, round: Round): Promise<RoundCounts> {
  const { step, failed } = stepsWithin(stepLimitsMs, (limitMs) => keepRound(round, limitMs));
  await step("calls", () => forgetOldCalls());
  const inbox = await step("inbox", processInbox);
  const bound = await step("bound", currentBound);
  const looked = await step("looks", () => lookAround(now, round.upSince, bound?.watched));
  const sessions = await step("sessions", () => closeAbandonedSessions(now));
  const fixSessions = await step("fixSessions", () => endDueSessions(now));
  const accepted = await step("accepted", () => askRefusedAgain(now));
  const removals = await step("removals", () => repeatRemovals(now));
  const formerUsers = await step("formerUsers", () => deleteFormerSnapTradeUsers(now));
  const forgotten = await step("forgotten", () => finishForgetting(now));
  const brokerages = await step("brokerages", () => readBrokeragesIfDue(now));
  const incidents = await step("incidents", () => recordIncidents(now));
  const [notices, deliveries] = await Promise.all([
    step("notices", () => sendDueNotices(now)),
    step("deliveries", deliverAll),
  ]);
  const retention = await step("retention", () => removeOld(now, retentionWithinMs));
  const webhooks = await step("webhooks", () => countMissedWebhooks(now));
  const events = await step("events", countBacklog);
  const sending = await step("sending", () => measureDeliveries(now));
  if (webhooks) warnOfMissed(webhooks);
  if (events) {
    observe("reconnect.webhook.waiting", events.waiting);
    observe("reconnect.webhook.dead", events.dead);
  }
  if (sending) {
    observe("reconnect.deliveries.behind", sending.behindSeconds);
    observe("reconnect.endpoints.paused", sending.paused);
  }
  failed.push(
    ...(inbox?.stopped ?? []).map((part) => `inbox/${part}`),
    ...(retention?.failed ?? []).map((table) => `retention/${table}`),
    ...(looked?.missing ?? []).map((list) => `looks/${list}`),
  );
  const looks = looked && { made: looked.made, failed: looked.failed };
  return {
    failed,
    inbox,
    looks,
    sessions,
    fixSessions,
    accepted,
    removals,
    formerUsers,
    forgotten,
    brokerages,
    incidents,
    notices,
    deliveries,
    retention,
    webhooks,
    events,
    bound,
  };
}

/** Both are tried, even if one fails. */
async function deliverAll(): Promise<NonNullable<RoundCounts["deliveries"]>> {
  const [events, relays] = await Promise.all([deliverEvents(), deliverRelays()]);
  return { events, relays };
}

function warnOfMissed(webhooks: WebhookRecord) {
  if (webhooks.missed > Math.max(2, webhooks.breaks * missedShare)) {
    log.warn(
      webhooks,
      "Webhooks are not arriving: the timer found breaks that no webhook reported. Is the listener URL in SnapTrade's dashboard correct?",
    );
  }
  if (!webhooks.received)
    log.info("No webhook has been received for two weeks; breaks are found only by looking");
}

/**
 * How long a break can go unnoticed if its webhook is lost, with the current number of people and budget
 * (policy.ts).
 */
async function currentBound(): Promise<{ watched: number; minutes: number }> {
  const [watched, perMinute] = [await countWatched(), await backgroundPerMinute()];
  // Rounds run every 30 seconds, so nothing is found faster than that.
  return { watched, minutes: Math.ceil(Math.max(boundMs(watched, perMinute), 2 * everyMs) / 60_000) };
}

/** @returns the counts, and the names of the lists that could not be read */
async function lookAround(
  now: Date,
  upSince: Date,
  counted: number | undefined,
): Promise<{ made: number; failed: number; missing: string[] }> {
  const room = await roomForBackground();
  const { candidates, missing } = await listCandidates(now, room, upSince);
  const chosen = chooseLooks(candidates, room);
  const made: string[] = [];
  const failed: string[] = [];
  const threw = await forEachConcurrently(chosen, looksPace, async (userId) => {
    const result = await look(userId, new Date(), "timer");
    if (!result.looked && result.reason === "busy") return "stop";
    (result.looked ? made : failed).push(userId);
  });
  failed.push(...threw);
  // An old number is far better than none: without one, the same people would be looked at in every round.
  const watched = counted ?? (await lastWatched());
  const periodMs = (watched / (await backgroundPerMinute())) * 60_000;
  await scheduleNextLooks([...made, ...failed], periodMs, now);
  return { made: made.length, failed: failed.length, missing };
}

async function readBrokeragesIfDue(now: Date): Promise<RoundCounts["brokerages"]> {
  if ((await isBrokerageListDue(now)) === "fresh") return "fresh";
  try {
    await readBrokerages(now);
    return "read";
  } catch (error) {
    log.warn(describeError(error), "The list of brokerages could not be read");
    return "not-read";
  }
}

/** Runs a round in this server now and every 30 seconds, if RECONCILE_IN_PROCESS says so. */
export function startTimer(): void {
  const { RECONCILE_IN_PROCESS, DATABASE_URL } = env();
  const wanted = RECONCILE_IN_PROCESS ?? String(DATABASE_URL.startsWith("pglite:"));
  if (wanted === "true") repeat(reconcile, everyMs, maxRoundMs);
}

/**
 * Calls `work` immediately and then at regular intervals, one call at a time. A call that throws or hangs is
 * logged, and blocks the next one for at most `limitMs`.
 * @returns a function that stops it
 */
export function repeat(work: () => Promise<unknown>, everyMs: number, limitMs: number): () => void {
  let running = false;
  const turn = async () => {
    if (running) return;
    running = true;
    try {
      await withinTime(limitMs, work);
    } catch (error) {
      log.error(describeError(error), "The round ended unexpectedly");
    } finally {
      running = false;
    }
  };
  void turn();
  const timer = setInterval(() => void turn(), everyMs).unref();
  return () => clearInterval(timer);
}
