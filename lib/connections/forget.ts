import "server-only";
import { eq, isNotNull } from "drizzle-orm";
import { database, transaction } from "@/lib/db/client";
import { sessions, snapTradeUsers, users } from "@/lib/db/schema";
import { webhookEvents } from "@/lib/db/work-schema";
import { describeError, log } from "@/lib/log";
import { deleteSnapTradeUser } from "@/lib/snaptrade/users";
import { someAtOnce } from "@/lib/some-at-once";
import { look } from "./look";

const mostPerRound = 50;
const atOnce = 4;
const withinMs = 10_000;

/**
 * Begins to forget a person: signs them out everywhere and asks SnapTrade to delete its record of them.
 * Whoever never had one is forgotten at once; the others when SnapTrade has confirmed it.
 */
export async function requestForgetting(userId: string, now: Date): Promise<void> {
  await transaction(async (tx) => {
    await tx.update(users).set({ deletionRequestedAt: now }).where(eq(users.id, userId));
    await tx.delete(sessions).where(eq(sessions.userId, userId));
  });
  await forget(userId);
}

/**
 * Goes on with everybody who asked to be forgotten.
 * @returns how many now are
 */
export async function finishForgetting(now: Date): Promise<number> {
  const db = await database();
  const waiting = await db.select({ id: users.id }).from(users).where(isNotNull(users.deletionRequestedAt)).limit(mostPerRound);
  let forgotten = 0;
  await someAtOnce(waiting, { atOnce, withinMs }, async ({ id }) => {
    // An event tells that it is done; where none comes, SnapTrade's refusal of their secret does.
    await look(id, now, "timer");
    if (await forget(id)) forgotten++;
  });
  return forgotten;
}

/** Removes all that is theirs once SnapTrade has nothing of them any more; until then asks for that, again and again. */
async function forget(userId: string): Promise<boolean> {
  const db = await database();
  const [record] = await db.select().from(snapTradeUsers).where(eq(snapTradeUsers.userId, userId));
  if (record && !record.goneAt) {
    await deleteSnapTradeUser(record.snapTradeUserId).catch((error: unknown) =>
      log.warn(describeError(error), "SnapTrade could not be asked to delete a user; the next round asks again"),
    );
    return false;
  }
  await transaction(async (tx) => {
    if (record) {
      // The id of each event stays, so that a late copy of it is still known; what it said does not.
      await tx
        .update(webhookEvents)
        .set({ payload: "{}", snapTradeUserId: null, connectionId: null, attemptResult: null })
        .where(eq(webhookEvents.snapTradeUserId, record.snapTradeUserId));
    }
    await tx.delete(users).where(eq(users.id, userId));
  });
  return true;
}
