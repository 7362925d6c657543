import "server-only";
import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { and, eq, gt, isNull } from "drizzle-orm";
import { database } from "@/lib/db/client";
import { fixLinks } from "@/lib/db/schema/notices";
import { connections, episodes } from "@/lib/db/schema/connections";
import { users } from "@/lib/db/schema/users";
import { env } from "@/lib/base/env";

const validDays = 7;
const hashOf = (token: string) => createHash("sha256").update(token).digest("hex");

/**
 * Creates a link to the reconnect page of an episode's connection. It works for its owner only, once, for
 * seven days, until the break is fixed.
 */
export async function makeFixLink(userId: string, episodeId: string, now: Date): Promise<string> {
  const token = randomBytes(24).toString("base64url");
  const db = await database();
  await db.insert(fixLinks).values({
    tokenHash: hashOf(token),
    userId,
    episodeId,
    expiresAt: new Date(now.getTime() + validDays * 86_400_000),
  });
  return `${env().APP_URL}/fix/${token}`;
}

const alive = (userId: string, token: string, now: Date) =>
  and(
    eq(fixLinks.tokenHash, hashOf(token)),
    eq(fixLinks.userId, userId),
    isNull(fixLinks.usedAt),
    gt(fixLinks.expiresAt, now),
  );

/**
 * The connection that a link leads to, or null if the link is used, expired, fixed in the meantime, or
 * someone else's. Reading it does not use it up.
 */
export async function readFixLink(userId: string, token: string, now: Date): Promise<string | null> {
  const db = await database();
  const [found] = await db
    .select({ connectionId: episodes.connectionId })
    .from(fixLinks)
    .innerJoin(episodes, eq(episodes.id, fixLinks.episodeId))
    .innerJoin(connections, eq(connections.id, episodes.connectionId))
    .where(and(alive(userId, token, now), isNull(episodes.endedAt), eq(connections.userId, userId)));
  return found?.connectionId ?? null;
}

/** Uses up a link; returns false if it was no longer valid. */
export async function spendFixLink(userId: string, token: string, now: Date): Promise<boolean> {
  const db = await database();
  const spent = await db
    .update(fixLinks)
    .set({ usedAt: now })
    .where(alive(userId, token, now))
    .returning({ userId: fixLinks.userId });
  return spent.length > 0;
}

/**
 * The token that lets a person unsubscribe without signing in. It grants nothing else and does not expire.
 */
export function unsubscribeToken(userId: string): string {
  return `${userId}.${signatureOf(userId)}`;
}

const signatureOf = (userId: string) =>
  createHmac("sha256", env().NEXTAUTH_SECRET).update(`unsubscribe ${userId}`).digest("base64url");

/**
 * Stops all e-mails to the person in the token.
 * @returns false for a token that is not ours
 */
export async function unsubscribe(token: string): Promise<boolean> {
  const [userId = "", given = ""] = token.split(".");
  const [expected, signature] = [Buffer.from(signatureOf(userId)), Buffer.from(given)];
  if (
    !/^[0-9a-f-]{36}$/.test(userId) ||
    expected.length !== signature.length ||
    !timingSafeEqual(expected, signature)
  )
    return false;
  const db = await database();
  await db.update(users).set({ mailPreference: "none" }).where(eq(users.id, userId));
  return true;
}
