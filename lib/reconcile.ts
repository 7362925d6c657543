import "server-only";
import { and, eq, lte, sql } from "drizzle-orm";
import { backgroundPerMinute, forgetOldCalls, inBackground, roomForBackground } from "./budget";
import { isBrokerageListDue, readBrokerages } from "./connections/brokerages";
import { countWatched, listCandidates, scheduleNextLooks } from "./connections/candidates";
import { finishForgetting } from "./connections/forget";
import { deleteFormerSnapTradeUsers, type FormerUserCounts } from "./connections/former-users";
import { noteWaves } from "./connections/incidents";
import { look } from "./connections/look";
import { countMissedWebhooks, type WebhookRecord } from "./connections/missed";
import { settleOldTrips } from "./connections/old-trips";
import { boundMs, chooseLooks } from "./connections/policy";
import { askRefusedAgain } from "./connections/refused";
import { repeatRemovals } from "./connections/remove";
import { database } from "./db/client";
import { rounds } from "./db/work-schema";
import { env } from "./env";
import { describeError, log } from "./log";
import { sendDueNotices, type NoticeCounts } from "./notifications/send";
import { someAtOnce } from "./some-at-once";
import { processInbox, type InboxCounts } from "./webhooks/process";

export interface RoundCounts {
  inbox: InboxCounts;
  looks: { made: number; failed: number };
  /** Trips to the portal that were open for long, and are closed now. */
  trips: number;
  /** SnapTrade users that are nobody's any more. */
  formerUsers: FormerUserCounts;
  /** Removals that SnapTrade was asked for again. */
  removals: number;
  /** People whose secret SnapTrade had refused, and now accepts. */
  accepted: number;
  /** People who asked to be forgotten, and now are. */
  forgotten: number;
  brokerages: "read" | "fresh" | "not-read";
  waves: { begun: string[]; ended: string[] };
  notices: NoticeCounts;
  webhooks: WebhookRecord;
  /** A break whose webhook is lost is found after at most so long. */
  bound: { watched: number; minutes: number };
}

const everyMs = 30_000;
/** Who holds the round for longer is taken for dead. */
const leaseMs = 120_000;
const looksWithinMs = 25_000;
const looksAtOnce = 6;
/** Signs of life of a time in which no round ran may have been missed by us, not by SnapTrade. */
const downAfterMs = 10 * 60_000;
const missedShare = 0.05;

/**
 * The timer's round: what no page and no webhook has brought about since the last one. One at a time across all processes;
 * bounded in time, and what is left over comes first in the next one. One person's failure is counted and stops nobody else's turn.
 * @returns null when another process has the round
 */
export async function reconcile(now = new Date()): Promise<RoundCounts | null> {
  const round = await takeRound(now);
  if (!round) return null;
  try {
    const counts = await inBackground(() => workThrough(now, round.upSince));
    log.info(counts, "Round done");
    return counts;
  } finally {
    await endRound(round.fence);
  }
}

async function workThrough(now: Date, upSince: Date): Promise<RoundCounts> {
  await forgetOldCalls(now);
  const inbox = await processInbox();
  const bound = await currentBound();
  const looks = await lookAround(now, upSince, bound.watched);
  const trips = await settleOldTrips(now);
  const accepted = await askRefusedAgain(now);
  const removals = await repeatRemovals(now);
  const formerUsers = await deleteFormerSnapTradeUsers(now);
  const forgotten = await finishForgetting(now);
  const brokerages = await readBrokeragesIfDue(now);
  const waves = await noteWaves(now);
  const notices = await sendDueNotices(now);
  const webhooks = await countMissedWebhooks(now);
  if (webhooks.missed > Math.max(2, webhooks.breaks * missedShare)) {
    log.warn(
      webhooks,
      "Webhooks do not arrive: the timer found breaks that none of them told. Is the listener's address right in SnapTrade's dashboard?",
    );
  }
  if (!webhooks.everReceived) log.info("No webhook was ever received; breaks are found by looking alone");
  return { inbox, looks, trips, formerUsers, removals, accepted, forgotten, brokerages, waves, notices, webhooks, bound };
}

/** How long a break can stay unnoticed when its webhook is lost, at today's number of people and within the budget (policy.ts). */
export async function currentBound(): Promise<{ watched: number; minutes: number }> {
  const [watched, perMinute] = [await countWatched(), await backgroundPerMinute()];
  // A round comes every half minute, so nothing is found faster than that.
  return { watched, minutes: Math.ceil(Math.max(boundMs(watched, perMinute), 2 * everyMs) / 60_000) };
}

async function lookAround(now: Date, upSince: Date, watched: number): Promise<RoundCounts["looks"]> {
  const room = await roomForBackground(now);
  const candidates = await listCandidates(now, room, upSince);
  const chosen = chooseLooks(candidates, room);
  const made: string[] = [];
  const failed: string[] = [];
  const threw = await someAtOnce(chosen, { atOnce: looksAtOnce, withinMs: looksWithinMs }, async (userId) => {
    const result = await look(userId, new Date(), "timer");
    if (!result.looked && result.reason === "busy") return "stop";
    (result.looked ? made : failed).push(userId);
  });
  failed.push(...threw);
  const periodMs = (watched / (await backgroundPerMinute())) * 60_000;
  await scheduleNextLooks([...made, ...failed], periodMs, now);
  return { made: made.length, failed: failed.length };
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

async function takeRound(now: Date): Promise<{ fence: number; upSince: Date } | null> {
  const db = await database();
  const [taken] = await db
    .update(rounds)
    .set({
      leasedUntil: new Date(now.getTime() + leaseMs),
      fence: sql`${rounds.fence} + 1`,
      upSince: sql`case when coalesce(${rounds.endedAt}, 'epoch') < ${new Date(now.getTime() - downAfterMs).toISOString()}::timestamptz
        then ${now.toISOString()}::timestamptz else ${rounds.upSince} end`,
    })
    .where(lte(rounds.leasedUntil, now))
    .returning({ fence: rounds.fence, upSince: rounds.upSince });
  return taken ?? null;
}

async function endRound(fence: number): Promise<void> {
  const db = await database();
  const now = new Date();
  await db
    .update(rounds)
    .set({ leasedUntil: now, endedAt: now })
    .where(and(eq(rounds.id, 1), eq(rounds.fence, fence)));
}

/** Runs the round within this server, now and every half minute, where the settings want that (RECONCILE_IN_PROCESS). */
export function startTimer(): void {
  const { RECONCILE_IN_PROCESS, DATABASE_URL } = env();
  const wanted = RECONCILE_IN_PROCESS ?? String(DATABASE_URL.startsWith("pglite:"));
  if (wanted !== "true") return;
  let running = false;
  const round = async () => {
    if (running) return;
    running = true;
    await reconcile().catch((error: unknown) => log.error(describeError(error), "The round ended unexpectedly"));
    running = false;
  };
  void round();
  setInterval(() => void round(), everyMs).unref();
}
