import "server-only";
import { createHash, randomBytes } from "node:crypto";
import { and, eq, gt, lt, sql } from "drizzle-orm";
import { database, transaction } from "@/lib/db/client";
import type { Transaction } from "@/lib/db/database";
import { users, verificationTokens } from "@/lib/db/schema";
import { signInMails } from "@/lib/db/work-schema";
import { env } from "@/lib/env";
import { linkMinutes } from "./sign-in-email";

const second = 1_000;
const hour = 3_600 * second;
const linkMs = linkMinutes * 60 * second;

/** Links to one address that are neither used nor expired. */
const maxWaiting = 5;
/** E-mails at the request of one network, and of everybody. */
const maxPerNetwork = [
  { within: 60 * second, mails: 30 },
  { within: hour, mails: 200 },
];
const maxInAll = { within: 10 * second, mails: 30 };

export interface NewLink {
  token: string;
  /** Sent although a limit is reached: to the person it belongs to, who has no other link. To be sent after the answer, which must not tell. */
  beyondLimits: boolean;
}

/**
 * Makes a sign-in link for an address, unless enough e-mails were asked for; then it stores nothing.
 * Nobody can keep its owner from signing in: an address is only refused while as many unused links wait in its mailbox, and the
 * limits of networks and of everybody never refuse somebody with an account who has no link waiting.
 * @returns null when none is to be sent
 */
export async function createSignInLink({ email, network, now }: { email: string; network: string; now: Date }): Promise<NewLink | null> {
  const token = randomBytes(32).toString("hex");
  return transaction(async (tx) => {
    // Counted one request after the other, or all at once would be within the limit.
    await tx.execute(sql`select pg_advisory_xact_lock(hashtext('sign_in_mails'))`);
    await tx.delete(verificationTokens).where(lt(verificationTokens.expires, now));
    await tx.delete(signInMails).where(lt(signInMails.requestedAt, new Date(now.getTime() - hour)));
    const waiting = await tx.$count(verificationTokens, eq(verificationTokens.identifier, email));
    if (waiting >= maxWaiting) return null;
    const beyondLimits = await isBeyondLimits(tx, network, now);
    if (beyondLimits && (waiting > 0 || !(await hasAccount(tx, email)))) return null;
    if (!beyondLimits) await tx.insert(signInMails).values({ network, requestedAt: now });
    await tx.insert(verificationTokens).values({ identifier: email, token: hashOf(token), expires: new Date(now.getTime() + linkMs) });
    return { token, beyondLimits };
  });
}

/** Takes back a link that could not be mailed. */
export async function dropSignInLink(token: string): Promise<void> {
  const db = await database();
  await db.delete(verificationTokens).where(eq(verificationTokens.token, hashOf(token)));
}

/** True while a link signs somebody in as this address; reading it does not use it up. */
export async function isSignInLink({ token, email, now }: { token: string; email: string; now: Date }): Promise<boolean> {
  const db = await database();
  const { identifier, expires, token: hash } = verificationTokens;
  return (await db.$count(verificationTokens, and(eq(hash, hashOf(token)), eq(identifier, email), gt(expires, now)))) > 0;
}

/** What the browser that asked for a link keeps of it: enough to know the link again, nothing to sign in with. */
export function markOf(token: string): string {
  return createHash("sha256").update(`asked for ${token}`).digest("base64url");
}

async function isBeyondLimits(tx: Transaction, network: string, now: Date): Promise<boolean> {
  const since = (within: number) => gt(signInMails.requestedAt, new Date(now.getTime() - within));
  if ((await tx.$count(signInMails, since(maxInAll.within))) >= maxInAll.mails) return true;
  for (const { within, mails } of maxPerNetwork)
    if ((await tx.$count(signInMails, and(eq(signInMails.network, network), since(within)))) >= mails) return true;
  return false;
}

async function hasAccount(tx: Transaction, email: string): Promise<boolean> {
  return (await tx.$count(users, eq(users.email, email))) > 0;
}

/** As next-auth keeps tokens. */
const hashOf = (token: string) => createHash("sha256").update(`${token}${env().NEXTAUTH_SECRET}`).digest("hex");
