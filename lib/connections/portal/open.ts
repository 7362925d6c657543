import "server-only";
import { and, desc, eq, gt, isNull, lt } from "drizzle-orm";
import { database, transaction } from "@/lib/db/client";
import { brokerages, connections } from "@/lib/db/schema/connections";
import { portalSessions } from "@/lib/db/schema/portal";
import { env } from "@/lib/base/env";
import { AppError } from "@/lib/base/errors";
import { refuseInShadow } from "@/lib/base/mode";
import { announceChanges, recordChange } from "@/lib/live";
import { SnapTradeFailure } from "@/lib/snaptrade/failure";
import { createLoginLink, type LoginPurpose } from "@/lib/snaptrade/login-link";
import { look } from "@/lib/connections/look/look";
import { getPortalView } from "./view";
import { isResumable, resumed } from "./report";
import { requireOwnQueue } from "./queue";
import { recordRefusal } from "@/lib/connections/observations/gone";
import { toRefusal } from "@/lib/connections/look/refusals";
import { requireSnapTradeCredentials, requireStaying } from "@/lib/connections/observations/snaptrade-user";
import type { OpenedPortal, RepairIntent } from "@/lib/connections/views";

interface Visit {
  userId: string;
  /** The link that led here. */
  fixSessionId?: string;
  darkMode: boolean;
  now: Date;
}

/** A person's clicks on one button within this time count as one click. */
const doubleClickMs = 3_000;

/**
 * Opens a portal session to repair, renew, or allow trading on a connection (docs/snaptrade.md §4.3 to §4.5).
 * Only a double click shares a session, and every login link is new, since none is stored.
 * @throws AppError shadow-mode, not-found, being-removed, account-deleting, not-broken, cannot-reconnect,
 * cannot-trade, or the code for SnapTrade's refusal
 */
export async function openReconnect({
  userId,
  connectionId,
  queueId,
  fixSessionId,
  intent = "reconnect",
  darkMode,
  now,
}: Visit & { connectionId: string; queueId?: string; intent?: RepairIntent }): Promise<OpenedPortal> {
  refuseInShadow();
  const db = await database();
  const connection = await db.query.connections.findFirst({
    where: and(eq(connections.userId, userId), eq(connections.id, connectionId)),
    with: { brokerage: true },
  });
  if (!connection || connection.state === "deleted") throw new AppError("not-found");
  await requireStaying(db, userId);
  if (connection.removalRequestedAt) throw new AppError("being-removed");
  if (connection.state === "enabled" && intent === "reconnect") throw new AppError("not-broken");
  if (intent === "allow-trading" && !connection.brokerage.allowsTrading) throw new AppError("cannot-trade");
  if (!connection.brokerage.enabled) throw new AppError("cannot-reconnect");
  if (queueId) await requireOwnQueue(userId, queueId);

  const { brokerageId } = connection;
  const portalSessionId = await beginReconnect({
    userId,
    connectionId,
    brokerageId,
    queueId: queueId ?? null,
    fixSessionId: fixSessionId ?? null,
    intent,
    startedAt: now,
  });
  const purpose =
    intent === "allow-trading"
      ? { reconnect: connectionId, connectionType: "trade" as const }
      : { reconnect: connectionId };
  return openLink(portalSessionId, purpose, { userId, darkMode, now });
}

/**
 * Opens a portal session to make a new connection at a brokerage (docs/snaptrade.md §3.8, §4.3).
 * @throws AppError shadow-mode, not-found, account-deleting, brokerage-unavailable, or the code for SnapTrade's refusal;
 * already-connected when a connection there needs reconnecting and `beside` is false
 */
export async function openConnect({
  userId,
  brokerage: slug,
  beside,
  fixSessionId,
  darkMode,
  now,
}: Visit & { brokerage: string; beside: boolean }): Promise<OpenedPortal> {
  refuseInShadow();
  const db = await database();
  const brokerage = await db.query.brokerages.findFirst({ where: eq(brokerages.slug, slug) });
  if (!brokerage) throw new AppError("not-found");
  await requireStaying(db, userId);
  if (!brokerage.enabled || brokerage.maintenance) throw new AppError("brokerage-unavailable");
  const broken = await db.query.connections.findFirst({
    where: and(
      eq(connections.userId, userId),
      eq(connections.brokerageId, brokerage.id),
      eq(connections.state, "disabled"),
      isNull(connections.removalRequestedAt),
    ),
  });
  if (broken && !beside) throw new AppError("already-connected");

  const [made] = await db
    .insert(portalSessions)
    .values({
      userId,
      intent: "connect",
      brokerageId: brokerage.id,
      fixSessionId,
      startedAt: now,
      activeAt: now,
    })
    .returning();
  if (!made) throw new Error("The portal session was not stored");
  return openLink(made.id, { broker: slug }, { userId, darkMode, now });
}

interface NewSession {
  userId: string;
  connectionId: string;
  brokerageId: string;
  queueId: string | null;
  fixSessionId: string | null;
  intent: RepairIntent;
  startedAt: Date;
}

/** A session for this click, or the one that the first half of a double click just made. */
async function beginReconnect(session: NewSession): Promise<string> {
  const { connectionId, queueId, fixSessionId, intent, startedAt } = session;
  return transaction(async (tx) => {
    // Locking the connection makes two simultaneous clicks take turns.
    await tx
      .select({ id: connections.id })
      .from(connections)
      .where(eq(connections.id, connectionId))
      .for("update");
    const same = tx.query.portalSessions.findFirst({
      where: and(
        eq(portalSessions.connectionId, connectionId),
        eq(portalSessions.intent, intent),
        isNull(portalSessions.outcome),
        isNull(portalSessions.reportedAt),
        // Both directions, because the other click may have gone to a machine whose clock is ahead.
        gt(portalSessions.startedAt, new Date(startedAt.getTime() - doubleClickMs)),
        lt(portalSessions.startedAt, new Date(startedAt.getTime() + doubleClickMs)),
      ),
      orderBy: [desc(portalSessions.startedAt), desc(portalSessions.id)],
    });
    const clicked = await same;
    if (clicked?.queueId === queueId && clicked.fixSessionId === fixSessionId) return clicked.id;
    const [made] = await tx
      .insert(portalSessions)
      .values({ ...session, activeAt: startedAt })
      .returning();
    if (!made) throw new Error("The portal session was not stored");
    return made.id;
  });
}

async function openLink(
  portalSessionId: string,
  purpose: LoginPurpose,
  { userId, darkMode, now }: Visit,
): Promise<OpenedPortal> {
  const own = eq(portalSessions.id, portalSessionId);
  try {
    const credentials = await requireSnapTradeCredentials(userId, now);
    const returnUrl = `${env().APP_URL}/portal/${portalSessionId}/return`;
    const { loginLink, openedAt, snapTradeSessionId } = await createLoginLink(credentials, purpose, {
      returnUrl,
      darkMode,
    });
    await transaction(async (tx) => {
      const [session] = await tx.select().from(portalSessions).where(own).for("update");
      if (!session) throw new AppError("not-found");
      await tx
        .update(portalSessions)
        .set({
          // After a double click, the session keeps the earlier time.
          openedAt: session.openedAt && session.openedAt < openedAt ? session.openedAt : openedAt,
          snapTradeSessionId,
          // If the other half of a double click failed or was closed, this half reopens the session.
          ...(isResumable(session) ? resumed(session) : {}),
        })
        .where(own);
      await recordChange(tx, userId);
    });
    await announceChanges();
    const view = await getPortalView(userId, portalSessionId, now);
    if (!view) throw new AppError("not-found");
    return { loginLink, portalOrigins: env().SNAPTRADE_PORTAL_ORIGINS, appName: env().APP_NAME, view };
  } catch (error) {
    const db = await database();
    await db
      .update(portalSessions)
      .set({ outcome: "not-opened", endedAt: now })
      .where(and(own, isNull(portalSessions.openedAt)));
    if (!(error instanceof SnapTradeFailure)) throw error;
    if (error.kind === "user-refused") await recordRefusal(userId, now);
    // SnapTrade may not know the connection, so what we show is out of date (docs/snaptrade.md §8.7).
    if (error.kind === "not-found" || error.kind === "refused") await look(userId, now, "portal");
    throw toRefusal(error);
  }
}
