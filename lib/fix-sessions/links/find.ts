import "server-only";
import { eq } from "drizzle-orm";
import { database } from "@/lib/db/client";
import { fixSessions } from "@/lib/db/schema/fix-sessions";
import { hashOf } from "./make";

interface FoundLink {
  id: string;
  userId: string;
  /** It is over, or too old. */
  isOver: boolean;
  /** It can still sign its person in, because it was made for that and nobody has used it yet. */
  signsIn: boolean;
  /** It has signed its person in. */
  wasUsed: boolean;
}

/** The fix session that a link leads to, or null if there is none. Finding it changes nothing. */
export async function findLink(token: string, now: Date): Promise<FoundLink | null> {
  const db = await database();
  const [found] = await db
    .select({
      id: fixSessions.id,
      userId: fixSessions.userId,
      outcome: fixSessions.outcome,
      expiresAt: fixSessions.expiresAt,
      signsIn: fixSessions.signsIn,
      signedInAt: fixSessions.signedInAt,
    })
    .from(fixSessions)
    .where(eq(fixSessions.tokenHash, hashOf(token)));
  if (!found) return null;
  const { id, userId, outcome, expiresAt, signsIn, signedInAt } = found;
  const isOver = outcome !== null || expiresAt <= now;
  return { id, userId, isOver, signsIn: signsIn && !signedInAt && !isOver, wasUsed: signedInAt !== null };
}
