import "server-only";
import { lt } from "drizzle-orm";
import { deleteOldest } from "@/lib/db/delete-oldest";
import { handOffs, sessions, verificationTokens } from "@/lib/db/schema/auth";
import { idleMs } from "./sessions";

/** Deletes idle sessions. One that ended at its maximum age can no longer be used, so it goes idle too. */
export function deleteIdleSessions(now: Date): Promise<number> {
  const { lastUsedAt } = sessions;
  return deleteOldest(sessions, lastUsedAt, lt(lastUsedAt, new Date(now.getTime() - idleMs)));
}

/** Deletes expired sign-in links, and with them the addresses of people who never signed in. */
export function deleteExpiredSignInLinks(now: Date): Promise<number> {
  return deleteOldest(verificationTokens, verificationTokens.expires, lt(verificationTokens.expires, now));
}

/** Deletes expired hand-offs. */
export function deleteExpiredHandOffs(now: Date): Promise<number> {
  return deleteOldest(handOffs, handOffs.expiresAt, lt(handOffs.expiresAt, now));
}
