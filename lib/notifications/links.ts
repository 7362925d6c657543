import "server-only";
import { createHmac, timingSafeEqual } from "node:crypto";
import { eq } from "drizzle-orm";
import { database } from "@/lib/db/client";
import { users } from "@/lib/db/schema/users";
import { env } from "@/lib/base/env";
import { makeLink } from "@/lib/fix-sessions/links/make";

const validDays = 7;

/**
 * Makes a link for an e-mail about a connection: a fix session that its owner can use, signed in, for seven
 * days, until the connection works again.
 */
export async function makeFixLink(userId: string, connectionId: string, now: Date): Promise<string> {
  const expiresAt = new Date(now.getTime() + validDays * 86_400_000);
  const db = await database();
  const { url } = await makeLink(db, { userId, connectionId, origin: "mail", createdAt: now, expiresAt });
  return url;
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
