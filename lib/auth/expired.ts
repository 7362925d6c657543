import "server-only";
import { lt } from "drizzle-orm";
import { deleteOldest } from "@/lib/db/delete-oldest";
import { sessions, verificationTokens } from "@/lib/db/schema/auth";
import { idleMs } from "./sessions";

/**
 * Deletes sessions that have not been used for so long that they have ended. One that ended of old age can't
 * be used, so it follows.
 */
export function deleteIdleSessions(now: Date): Promise<number> {
  const { lastUsedAt } = sessions;
  return deleteOldest(sessions, lastUsedAt, lt(lastUsedAt, new Date(now.getTime() - idleMs)));
}

/** Deletes sign-in links that have expired, and with them the addresses of people who never came. */
export function deleteExpiredSignInLinks(now: Date): Promise<number> {
  return deleteOldest(verificationTokens, verificationTokens.expires, lt(verificationTokens.expires, now));
}
