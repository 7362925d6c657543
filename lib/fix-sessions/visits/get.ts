import "server-only";
import { eq } from "drizzle-orm";
import { database, transaction } from "@/lib/db/client";
import { brokerages } from "@/lib/db/schema/connections";
import { fixSessions } from "@/lib/db/schema/fix-sessions";
import { users } from "@/lib/db/schema/users";
import { announceChanges } from "@/lib/live";
import { endSession } from "@/lib/fix-sessions/ending/end";
import type { FixSession } from "@/lib/fix-sessions/views";

/** A fix session with its outcome, or null if there is none. One that is past its time ends now. */
export async function getFixSession(id: string, now: Date): Promise<FixSession | null> {
  const found = await read(id);
  if (!found || found.endedAt || found.expiresAt > now) return found;
  await transaction((tx) => endSession(tx, id, now));
  await announceChanges();
  return read(id);
}

async function read(id: string): Promise<FixSession | null> {
  const db = await database();
  const [found] = await db
    .select({ session: fixSessions, slug: brokerages.slug, externalId: users.externalId })
    .from(fixSessions)
    .innerJoin(users, eq(users.id, fixSessions.userId))
    .leftJoin(brokerages, eq(brokerages.id, fixSessions.brokerageId))
    .where(eq(fixSessions.id, id));
  if (!found) return null;
  const { session, slug, externalId } = found;
  const { userId, kind, connectionId, createdAt, expiresAt, openedAt, endedAt } = session;
  const { outcome, reason, doneIds, failure, failureCode, returnUrl, locale } = session;
  return {
    id,
    userId,
    externalId,
    kind,
    connectionId,
    brokerage: slug,
    status: outcome ?? (openedAt ? "opened" : "pending"),
    createdAt,
    expiresAt,
    openedAt,
    endedAt,
    reason,
    doneIds,
    failure: outcome === "failed" && failure ? { reason: failure, code: failureCode } : null,
    returnUrl,
    locale,
  };
}
