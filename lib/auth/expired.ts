import "server-only";
import { lt } from "drizzle-orm";
import { deleteOldest } from "@/lib/db/delete-oldest";
import { sessions, verificationTokens } from "@/lib/db/schema/auth";
import { signInMails } from "@/lib/db/schema/work";

/** Deletes sign-in sessions that have expired. */
export function deleteExpiredSessions(now: Date): Promise<number> {
  return deleteOldest(sessions, sessions.expires, lt(sessions.expires, now));
}

/** Deletes sign-in links that have expired, and with them the addresses of people who never came. */
export function deleteExpiredSignInLinks(now: Date): Promise<number> {
  return deleteOldest(verificationTokens, verificationTokens.expires, lt(verificationTokens.expires, now));
}

/** Deletes the record of sign-in e-mails once no rate limit counts them: after an hour. */
export function deleteCountedSignInMails(now: Date): Promise<number> {
  const { requestedAt } = signInMails;
  return deleteOldest(signInMails, requestedAt, lt(requestedAt, new Date(now.getTime() - 3_600_000)));
}
