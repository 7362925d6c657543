import "server-only";
import { createHash, randomBytes } from "node:crypto";
import { and, eq, gt, lt, sql } from "drizzle-orm";
import { database, transaction } from "@/lib/db/client";
import type { Transaction } from "@/lib/db/database";
import { verificationTokens } from "@/lib/db/schema/auth";
import { users } from "@/lib/db/schema/users";
import { signInMails } from "@/lib/db/schema/work";
import { env } from "@/lib/base/env";
import { linkMinutes } from "./sign-in-email";

const second = 1_000;
const hour = 3_600 * second;
const linkMs = linkMinutes * 60 * second;

/** Unused, unexpired links per address. */
const maxWaiting = 5;
/** E-mails per network and overall; a burst from one network leaves room for the others. */
const maxPerNetwork = [
  { within: 10 * second, mails: 10 },
  { within: 60 * second, mails: 30 },
  { within: hour, mails: 200 },
];
const maxInAll = { within: 10 * second, mails: 30 };

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
 * overall limits never refuse an account holder who has no link waiting.
 * @returns null if no link is to be sent
 */
export async function createSignInLink({
  email,
  network,
  now,
}: {
  email: string;
  network: string;
  now: Date;
}): Promise<NewLink | null> {
  const token = randomBytes(32).toString("hex");
  return transaction(async (tx) => {
    // Requests are counted one at a time; otherwise concurrent ones would all pass the limit.
    await tx.execute(sql`select pg_advisory_xact_lock(hashtext('sign_in_mails'))`);
    await tx.delete(verificationTokens).where(lt(verificationTokens.expires, now));
    await tx.delete(signInMails).where(lt(signInMails.requestedAt, new Date(now.getTime() - hour)));
    const waiting = await tx.$count(verificationTokens, eq(verificationTokens.identifier, email));
    if (waiting >= maxWaiting) return null;
    const beyondLimits = await isBeyondLimits(tx, network, now);
    if (beyondLimits && (waiting > 0 || !(await hasAccount(tx, email)))) return null;
    if (!beyondLimits) await tx.insert(signInMails).values({ network, requestedAt: now });
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

async function isBeyondLimits(tx: Transaction, network: string, now: Date): Promise<boolean> {
  const since = (within: number) => gt(signInMails.requestedAt, new Date(now.getTime() - within));
  if ((await tx.$count(signInMails, since(maxInAll.within))) >= maxInAll.mails) return true;
  for (const { within, mails } of maxPerNetwork)
    if ((await tx.$count(signInMails, and(eq(signInMails.network, network), since(within)))) >= mails)
      return true;
  return false;
}

async function hasAccount(tx: Transaction, email: string): Promise<boolean> {
  return (await tx.$count(users, eq(users.email, email))) > 0;
}

/** Hashes a token the way next-auth does. */
const hashOf = (token: string) =>
  createHash("sha256").update(`${token}${env().NEXTAUTH_SECRET}`).digest("hex");
