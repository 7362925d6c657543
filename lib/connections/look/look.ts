import "server-only";
import { and, eq, isNull, sql } from "drizzle-orm";
import { database } from "@/lib/db/client";
import { connections } from "@/lib/db/schema/connections";
import { snapTradeUsers } from "@/lib/db/schema/users";
import { announceChanges, recordChange } from "@/lib/live";
import { SnapTradeFailure, type FailureKind } from "@/lib/snaptrade/failure";
import { getSnapTradeCredentials, recordRefusal } from "@/lib/connections/observations/snaptrade-user";
import { readAccountsIfDue } from "./accounts";
import { isLookDue } from "./due";
import { readConnections } from "./read";
import { recordAnswer, recordFailedLook, type LookFor } from "./record";

/** "nobody" is a person without a SnapTrade user, who therefore has no connections. */
type LookResult =
  { looked: true; changed: string[] } | { looked: false; reason: "nobody" | FailureKind };

const inFlight = new Map<string, Promise<LookResult>>();

/**
 * Reads all connections of a person from SnapTrade and hands the answer to observe. A look that fails changes
 * no connection; it only makes what we know older. Looks of one person at the same time share one read.
 * @param now our clock, when the look begins
 */
export function look(userId: string, now = new Date(), source: LookFor = "person"): Promise<LookResult> {
  const running = inFlight.get(userId);
  if (running) return running;
  const started = lookOnce(userId, now, source).finally(() => inFlight.delete(userId));
  inFlight.set(userId, started);
  return started;
}

/**
 * Like look, but never satisfied by a read that began before `since`: for conclusions about what happened up
 * to then.
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
 * Looks only when the last look is too old, failed a while ago, or something contradicted it since; open
 * pages, which may be waiting for just that, are then told to read again whatever came of it.
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
  // Having to wait for our turn is no news.
  if (!result.looked && result.reason === "busy") return;
  await recordChange(db, userId);
  await announceChanges();
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
    // An answer overtaken by something else justifies one more question right away.
    if (lookAgainAt && lookAgainAt <= now)
      changed.push(
        ...(await recordAnswer(userId, await readConnections(userId, credentials), now, source)).changed,
      );
    await readAccountsIfDue(userId, credentials, now, { changed: changed.length > 0, source });
    return { looked: true, changed: [...new Set(changed)] };
  } catch (error) {
    if (!(error instanceof SnapTradeFailure)) {
      // What cannot be asked or stored is not known either, and must not come first in each round.
      await recordFailedLook(userId, now).catch(() => undefined);
      throw error;
    }
    if (error.kind === "user-refused") await recordRefusal(userId, now);
    // Having to wait for our turn says nothing about what we know.
    else if (error.kind !== "busy") await recordFailedLook(userId, now);
    return { looked: false, reason: error.kind };
  }
}

/**
 * Looks only when a look was requested (requestLook) and is due; the age of the last look doesn't matter
 * here, and one that began before the request doesn't count.
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
