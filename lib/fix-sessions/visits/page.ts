import "server-only";
import { and, eq, isNull } from "drizzle-orm";
import { listConnectionViews } from "@/lib/connections/pages/list";
import type { Moment } from "@/lib/connections/pages/status";
import { listRepairable } from "@/lib/connections/portal/queue";
import type { ConnectionView } from "@/lib/connections/views";
import { database, transaction } from "@/lib/db/client";
import { fixSessions } from "@/lib/db/schema/fix-sessions";
import { portalSessions } from "@/lib/db/schema/portal";
import { endSession } from "@/lib/fix-sessions/ending/end";
import { readFacts } from "@/lib/fix-sessions/ending/facts";
import { returnAddress } from "@/lib/fix-sessions/links/return-url";
import type { FixPageView, FixSession } from "@/lib/fix-sessions/views";
import { announceChanges } from "@/lib/live";
import { getFixSession } from "./get";

/**
 * What a person's fix session shows now, or null when they have none with this id. The first time records that
 * they came; SnapTrade isn't asked.
 */
export async function getFixPage(userId: string, id: string, moment: Moment): Promise<FixPageView | null> {
  const found = await getFixSession(id, moment.now);
  if (found?.userId !== userId) return null;
  if (!found.openedAt && !found.endedAt) await recordOpening(id, moment.now);
  const stored = (await getFixSession(id, moment.now)) ?? found;
  const session = stored.endedAt ? stored : { ...stored, doneIds: await listDoneSoFar(id, moment.now) };
  const { version, connections, lookedAt } = await listConnectionViews(userId, moment);
  const steps = session.endedAt ? [] : await listSteps(session, connections);
  const own = connections.filter((view) => isAbout(session, view));
  return { session, returnTo: returnAddress(session), version, steps, connections: own, lookedAt };
}

/** It may have been over before anyone came: a connection can start working again on its own. */
async function recordOpening(id: string, now: Date): Promise<void> {
  await transaction(async (tx) => {
    await tx
      .update(fixSessions)
      .set({ openedAt: now })
      .where(and(eq(fixSessions.id, id), isNull(fixSessions.openedAt), isNull(fixSessions.outcome)));
    await endSession(tx, id, now);
  });
  await announceChanges();
}

/** What its visits to the portal have repaired or made; stored only when it ends. */
async function listDoneSoFar(id: string, now: Date): Promise<string[]> {
  const [facts] = await transaction((tx) => readFacts(tx, [id], now));
  return facts ? [...facts.made, ...facts.repaired] : [];
}

async function listSteps(session: FixSession, connections: ConnectionView[]): Promise<ConnectionView[]> {
  if (session.connectionId) return connections.filter(({ id }) => id === session.connectionId);
  const ids = await listRepairable(session.userId);
  return ids.flatMap((id) => connections.find((view) => view.id === id && isAbout(session, view)) ?? []);
}

function isAbout(session: FixSession, { id, brokerage }: ConnectionView): boolean {
  if (session.connectionId) return id === session.connectionId;
  return session.kind === "fix" || !session.brokerage || brokerage.slug === session.brokerage;
}

/** Ends a person's fix session because they won't go on, and says where they go instead. */
export async function giveUp(userId: string, id: string, now: Date): Promise<string | null> {
  const found = await getFixSession(id, now);
  if (found?.userId !== userId) return null;
  await transaction((tx) => endSession(tx, id, now, "given-up"));
  await announceChanges();
  const ended = await getFixSession(id, now);
  return ended && returnAddress(ended);
}

/** The fix session that a visit to the portal belongs to, or null. */
export async function fixSessionOf(portalSessionId: string): Promise<string | null> {
  const db = await database();
  const [found] = await db
    .select({ id: portalSessions.fixSessionId })
    .from(portalSessions)
    .where(eq(portalSessions.id, portalSessionId));
  return found?.id ?? null;
}
