import "server-only";
import { randomBytes } from "node:crypto";
import { and, eq, exists, gt, isNull, sql } from "drizzle-orm";
import { startVisitorSession } from "@/lib/auth/sessions";
import { transaction } from "@/lib/db/client";
import { fixSessions } from "@/lib/db/schema/fix-sessions";
import { users } from "@/lib/db/schema/users";
import { hashOf } from "./make";

/** How long a link's visitor stays signed in, however long the link itself lives. */
const visitorMinutes = 10;

/**
 * Uses up a link's sign-in: once, for this fix session only, for ten minutes. Of two that try at the same time,
 * one succeeds.
 * @returns the token for the browser's cookie, or null if the link signs nobody in (anymore)
 */
export async function redeemLink(
  token: string,
  device: string,
  now: Date,
): Promise<{ fixSessionId: string; token: string; expiresAt: Date } | null> {
  return transaction(async (tx) => {
    const staying = tx
      .select({ one: sql`1` })
      .from(users)
      .where(and(eq(users.id, fixSessions.userId), isNull(users.deletionRequestedAt)));
    const [used] = await tx
      .update(fixSessions)
      .set({ signedInAt: now })
      .where(
        and(
          eq(fixSessions.tokenHash, hashOf(token)),
          eq(fixSessions.signsIn, true),
          isNull(fixSessions.signedInAt),
          isNull(fixSessions.outcome),
          gt(fixSessions.expiresAt, now),
          exists(staying),
        ),
      )
      .returning({ id: fixSessions.id, userId: fixSessions.userId });
    if (!used) return null;
    const visitor = {
      token: randomBytes(32).toString("base64url"),
      fixSessionId: used.id,
      expiresAt: new Date(now.getTime() + visitorMinutes * 60_000),
    };
    await startVisitorSession(tx, { ...visitor, userId: used.userId, device, now });
    return visitor;
  });
}
