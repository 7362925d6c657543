import "server-only";
import { createHash, randomBytes } from "node:crypto";
import { and, eq, gt, inArray, lt, sql } from "drizzle-orm";
import { database, transaction } from "@/lib/db/client";
import type { Database } from "@/lib/db/database";
import { verificationTokens } from "@/lib/db/schema/auth";
import { users } from "@/lib/db/schema/users";
import { take } from "@/lib/limits";
import { env } from "@/lib/base/env";
import { linkMinutes } from "./sign-in-email";

const linkMs = linkMinutes * 60_000;

/** Unused, unexpired links per address. */
const maxWaiting = 5;
/** How many expired links, of anyone, one request deletes. */
const maxDeleted = 100;

interface NewLink {
  token: string;
  /**
   * Granted although a limit is reached, to an account holder without another link. Send it after responding,
   * so that the response doesn't reveal it.
   */
  beyondLimits: boolean;
}

/**
 * Creates a sign-in link for an address, or stores nothing if a limit is reached. No one can lock out the
 * owner of an address: it is refused only while five unused links wait in its mailbox, and the network and
 * overall limits (lib/limits.ts) never refuse an account holder who has no link waiting.
 * @param network where the request came from; null if unknown, and then only the overall limit applies
 * @returns null if no link is to be sent
 */
export async function createSignInLink({
  email,
  network,
  now,
}: {
  email: string;
  network: string | null;
  now: Date;
}): Promise<NewLink | null> {
  const token = randomBytes(32).toString("hex");
  const beyondLimits =
    (network !== null && (await take("sign-in mail by address", network, now)) > 0) ||
    (await take("sign-in mail", "", now)) > 0;
  // Whoever asks again and again must not take the lock below again and again.
  if (beyondLimits && !(await mayExceed(await database(), email, now))) return null;
  await deleteExpired(now);
  return transaction(async (tx) => {
    // Requests for one mailbox are counted one at a time; otherwise, concurrent ones would all pass.
    await tx.execute(sql`select pg_advisory_xact_lock(hashtext('sign-in'), hashtext(${email}))`);
    if ((await countWaiting(tx, email, now)) >= maxWaiting) return null;
    if (beyondLimits && !(await mayExceed(tx, email, now))) return null;
    await tx
      .insert(verificationTokens)
      .values({ identifier: email, token: hashOf(token), expires: new Date(now.getTime() + linkMs) });
    return { token, beyondLimits };
  });
}

/** Deletes a link that could not be sent. */
export async function dropSignInLink(token: string): Promise<void> {
  const db = await database();
  await db.delete(verificationTokens).where(eq(verificationTokens.token, hashOf(token)));
}

/** True if a link can still sign in as this address; checking doesn't use it up. */
export async function isSignInLink({
  token,
  email,
  now,
}: {
  token: string;
  email: string;
  now: Date;
}): Promise<boolean> {
  const db = await database();
  const { identifier, expires, token: hash } = verificationTokens;
  return (
    (await db.$count(
      verificationTokens,
      and(eq(hash, hashOf(token)), eq(identifier, email), gt(expires, now)),
    )) > 0
  );
}

/** The value that the requesting browser stores: enough to recognize the link, useless for signing in. */
export function markOf(token: string): string {
  return createHash("sha256").update(`asked for ${token}`).digest("base64url");
}

async function deleteExpired(now: Date): Promise<void> {
  const db = await database();
  const expired = db
    .select({ token: verificationTokens.token })
    .from(verificationTokens)
    .where(lt(verificationTokens.expires, now))
    .limit(maxDeleted)
    .for("update", { skipLocked: true });
  await db.delete(verificationTokens).where(inArray(verificationTokens.token, expired));
}

const countWaiting = (db: Database, email: string, now: Date) =>
  db.$count(
    verificationTokens,
    and(eq(verificationTokens.identifier, email), gt(verificationTokens.expires, now)),
  );

/** An account holder without another link. */
async function mayExceed(db: Database, email: string, now: Date): Promise<boolean> {
  if ((await countWaiting(db, email, now)) > 0) return false;
  return (await db.$count(users, eq(users.email, email))) > 0;
}

/** Hashes a token the way next-auth does. */
const hashOf = (token: string) =>
  createHash("sha256").update(`${token}${env().NEXTAUTH_SECRET}`).digest("hex");
