import "server-only";
import { and, eq, isNull, sql } from "drizzle-orm";
import { database } from "@/lib/db/client";
import { connections } from "@/lib/db/schema/connections";
import { snapTradeUsers } from "@/lib/db/schema/users";
import { announceChanges, recordChange } from "@/lib/live";
import { SnapTradeFailure, type FailureKind } from "@/lib/snaptrade/failure";
import { count, span } from "@/lib/base/telemetry";
import { recordRefusal } from "@/lib/connections/observations/gone";
import { getSnapTradeCredentials } from "@/lib/connections/observations/snaptrade-user";
import { readAccountsIfDue } from "./accounts";
import { isLookDue } from "./due";
import { readConnections } from "./read";
import { recordAnswer, recordFailedLook, type LookFor } from "./record";

/** "nobody": the person has no SnapTrade user, and therefore no connections. */
type LookResult = { looked: true; changed: string[] } | { looked: false; reason: "nobody" | FailureKind };

const inFlight = new Map<string, Promise<LookResult>>();

/**
 * Reads all of a person's connections from SnapTrade and records the answer. A failed look changes no
 * connection. Concurrent looks for one person in this process share one read.
 * @param now our clock, when the look begins
 */
export function look(userId: string, now = new Date(), source: LookFor = "person"): Promise<LookResult> {
  const running = inFlight.get(userId);
  if (running) return running;
  const started = measuredLook(userId, now, source).finally(() => inFlight.delete(userId));
  inFlight.set(userId, started);
  return started;
}

/**
 * Like look, but never satisfied by a read that began before `since`, which couldn't show what happened up to
 * then.
 */
export async function lookSince(
  userId: string,
  since: Date,
  source: LookFor = "person",
): Promise<LookResult> {
  await inFlight.get(userId)?.catch(() => undefined);
  return look(userId, since, source);
}

/**
 * Looks only if isLookDue says so. Unless we are out of budget, open pages then hear of the look, even if it
 * failed.
 */
export async function lookIfDue(userId: string, now = new Date(), source: LookFor = "person"): Promise<void> {
  const db = await database();
  const [known] = await db
    .select({
      lookedAt: snapTradeUsers.lookedAt,
      lookFailedAt: snapTradeUsers.lookFailedAt,
      lookDueAt: snapTradeUsers.lookDueAt,
      askAgainAt: snapTradeUsers.askAgainAt,
      anyDisabled: sql<boolean>`exists (select 1 from ${connections} where ${connections.userId} = ${snapTradeUsers.userId} and ${connections.state} = 'disabled')`,
    })
    .from(snapTradeUsers)
    .where(and(eq(snapTradeUsers.userId, userId), isNull(snapTradeUsers.goneAt)));
  if (!known || !(inFlight.has(userId) || isLookDue(known, now))) return;
  const result = await look(userId, now, source);
  // Running out of budget is not news.
  if (!result.looked && result.reason === "busy") return;
  await recordChange(db, userId);
  await announceChanges();
}

async function measuredLook(userId: string, now: Date, source: LookFor): Promise<LookResult> {
  let result: LookResult | undefined;
  try {
    return (result = await span("look", { source }, () => lookOnce(userId, now, source)));
  } finally {
    const outcome = result?.looked ? "made" : (result?.reason ?? "error");
    if (outcome !== "nobody") count("reconnect.looks", { source, result: outcome });
  }
}

async function lookOnce(userId: string, now: Date, source: LookFor): Promise<LookResult> {
  try {
    const credentials = await getSnapTradeCredentials(userId);
    if (!credentials) return { looked: false, reason: "nobody" };
    const { changed, lookAgainAt } = await recordAnswer(
      userId,
      await readConnections(userId, credentials),
      now,
      source,
    );
    // An answer that was overtaken while it arrived justifies one more read right away.
    if (lookAgainAt && lookAgainAt <= now)
      changed.push(
        ...(await recordAnswer(userId, await readConnections(userId, credentials), now, source)).changed,
      );
    await readAccountsIfDue(userId, credentials, now, { changed: changed.length > 0, source });
    return { looked: true, changed: [...new Set(changed)] };
  } catch (error) {
    if (!(error instanceof SnapTradeFailure)) {
      // A person who can't be looked at has an unknown state, and must not come first in every round.
      await recordFailedLook(userId, now).catch(() => undefined);
      throw error;
    }
    if (error.kind === "user-refused") await recordRefusal(userId, now);
    // Running out of budget says nothing about the connections.
    else if (error.kind !== "busy") await recordFailedLook(userId, now);
    return { looked: false, reason: error.kind };
  }
}

/**
 * Looks only when a requested look (requestLooks) is due, however recent the last look was. A look that is
 * already running doesn't satisfy the request.
 */
export async function lookIfRequested(
  userId: string,
  now = new Date(),
  source: LookFor = "person",
): Promise<void> {
  await inFlight.get(userId)?.catch(() => undefined);
  const db = await database();
  const [requested] = await db
    .select({ dueAt: snapTradeUsers.lookDueAt })
    .from(snapTradeUsers)
    .where(eq(snapTradeUsers.userId, userId));
  if (requested?.dueAt && requested.dueAt <= now) await lookIfDue(userId, now, source);
}
