import "server-only";
import { and, eq } from "drizzle-orm";
import { AppError } from "@/lib/base/errors";
import { openConnect, openReconnect } from "@/lib/connections/portal/open";
import { continueQueue, skipInQueue } from "@/lib/connections/portal/queue";
import type { OpenedPortal } from "@/lib/connections/views";
import { database } from "@/lib/db/client";
import { connections } from "@/lib/db/schema/connections";
import { fixSessions } from "@/lib/db/schema/fix-sessions";
import { takeOrThrow } from "@/lib/limits";
import type { FixStep } from "@/lib/fix-sessions/schema";

/**
 * Opens the Connection Portal for a fix session's next step, and requests its login link. The session stays
 * usable when that fails.
 * @throws AppError not-found for another person's session, fix-session-over, opened-often, or like
 * openReconnect and openConnect
 */
export async function openStep({
  userId,
  step: { fixSessionId, connectionId, skip, brokerage, beside },
  darkMode,
  now,
}: {
  userId: string;
  step: FixStep;
  darkMode: boolean;
  now: Date;
}): Promise<OpenedPortal> {
  const session = await requireOpen(userId, fixSessionId, now);
  await takeOrThrow("login link by person", userId, now, "opened-often");
  const visit = { userId, fixSessionId, darkMode, now };
  if (session.kind === "connect" && !connectionId) {
    const slug = session.slug ?? brokerage;
    if (!slug) throw new AppError("invalid-input");
    return openConnect({ ...visit, brokerage: slug, beside: beside === "yes" });
  }
  const only = session.connectionId ?? (session.kind === "connect" ? connectionId : undefined);
  if (only && session.brokerageId) await requireAt(session.brokerageId, userId, only);
  if (only) return openReconnect({ ...visit, connectionId: only });
  if (skip) await skipInQueue(userId, skip.queueId, skip.connectionId);
  const next = await continueQueue(userId, now);
  // "Try again" is about the connection on the page, wherever the queue is.
  return openReconnect({ ...visit, ...next, ...(connectionId && !skip ? { connectionId } : {}) });
}

/** A session for one brokerage repairs only what is there, whatever the form says. */
async function requireAt(brokerageId: string, userId: string, connectionId: string): Promise<void> {
  const db = await database();
  const { id, userId: owner, brokerageId: place } = connections;
  const found = await db.$count(
    connections,
    and(eq(id, connectionId), eq(owner, userId), eq(place, brokerageId)),
  );
  if (found === 0) throw new AppError("not-found");
}

async function requireOpen(userId: string, id: string, now: Date) {
  const db = await database();
  const session = await db.query.fixSessions.findFirst({
    where: and(eq(fixSessions.id, id), eq(fixSessions.userId, userId)),
    with: { brokerage: { columns: { slug: true } } },
  });
  if (!session) throw new AppError("not-found");
  if (session.outcome || session.expiresAt <= now) throw new AppError("fix-session-over");
  return { ...session, slug: session.brokerage?.slug };
}
