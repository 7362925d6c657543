import "server-only";
import { and, eq, isNull, sql } from "drizzle-orm";
import { database, transaction } from "@/lib/db/client";
import { brokerages, connections, portalSessions } from "@/lib/db/schema";
import { env } from "@/lib/env";
import { AppError } from "@/lib/errors";
import { SnapTradeFailure } from "@/lib/snaptrade/failure";
import { createLoginLink, type LoginPurpose } from "@/lib/snaptrade/login-link";
import { lookSince } from "./look";
import { getPortalView } from "./portal-data";
import type { PortalClaim } from "./portal-outcome";
import { requireOwnQueue } from "./queue";
import { toRefusal } from "./refusals";
import { noteRefusal, requireSnapTradeCredentials, requireStaying } from "./snaptrade-user";
import { isPortalOpen } from "./status";
import type { OpenedPortal, PortalView, PortalWish } from "./views";

interface Trip {
  userId: string;
  darkMode: boolean;
  now: Date;
}

/**
 * Opens the Connection Portal to repair one connection of this person, or on their wish to renew one that works or to let it trade: a portal session of ours, and a login link made for this click (FACTS 3).
 * A trip that is still open is used again, so a double click makes one; the link is new each time, since links are never kept.
 * @throws AppError not-found, being-removed, account-deleting, not-broken, cannot-reconnect, cannot-trade, or what SnapTrade's refusal means
 */
export async function openReconnect({
  userId,
  connectionId,
  queueId,
  wish = null,
  darkMode,
  now,
}: Trip & { connectionId: string; queueId?: string; wish?: PortalWish | null }): Promise<OpenedPortal> {
  const db = await database();
  const connection = await db.query.connections.findFirst({
    where: and(eq(connections.userId, userId), eq(connections.id, connectionId)),
    with: { brokerage: true },
  });
  if (!connection || connection.state === "deleted") throw new AppError("not-found");
  await requireStaying(db, userId);
  if (connection.removalRequestedAt) throw new AppError("being-removed");
  if (connection.state === "enabled" && !wish) throw new AppError("not-broken");
  if (wish === "trade" && !connection.brokerage.allowsTrading) throw new AppError("cannot-trade");
  if (!connection.brokerage.enabled) throw new AppError("cannot-reconnect");
  if (queueId) await requireOwnQueue(userId, queueId);

  const portalSessionId = await joinTrip({ userId, connectionId, brokerageId: connection.brokerageId, queueId, wish, now });
  const purpose = wish === "trade" ? { reconnect: connectionId, connectionType: "trade" as const } : { reconnect: connectionId };
  return openLink(portalSessionId, purpose, { userId, darkMode, now });
}

/**
 * Opens the Connection Portal to make a new connection at one brokerage.
 * @throws AppError already-connected when a connection there needs reconnecting and `beside` is not set: people are led to fix, not to add; account-deleting
 */
export async function openConnect({
  userId,
  brokerage: slug,
  beside,
  darkMode,
  now,
}: Trip & { brokerage: string; beside: boolean }): Promise<OpenedPortal> {
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

  const [made] = await db.insert(portalSessions).values({ userId, intent: "connect", brokerageId: brokerage.id, startedAt: now }).returning();
  if (!made) throw new Error("The portal session was not stored");
  return openLink(made.id, { broker: slug }, { userId, darkMode, now });
}

/**
 * Takes a hint of what happened in the portal, asks SnapTrade, and says what is now known of this trip.
 * The claim decides nothing but words; without one it is just a look.
 * @throws AppError not-found for a trip that is not this person's
 */
export async function checkPortal({
  userId,
  portalSessionId,
  claim,
  now,
}: {
  userId: string;
  portalSessionId: string;
  claim: PortalClaim | null;
  now: Date;
}): Promise<PortalView> {
  const before = await getPortalView(userId, portalSessionId, now);
  if (!before) throw new AppError("not-found");
  if (before.outcome.state === "fixed" || before.outcome.state === "connected") {
    // A webhook may have told it first.
    await settle(userId, before, now);
    return before;
  }
  if (claim) await noteClaim(userId, portalSessionId, claim, now);
  await lookSince(userId, now, "portal");
  const view = await getPortalView(userId, portalSessionId, now);
  if (!view) throw new AppError("not-found");
  await settle(userId, view, now);
  return view;
}

/** The one open trip for this connection: the present one where it can still be used, else a new one in its place. */
async function joinTrip(trip: {
  userId: string;
  connectionId: string;
  brokerageId: string;
  queueId: string | undefined;
  wish: PortalWish | null;
  now: Date;
}): Promise<string> {
  const { userId, connectionId, brokerageId, queueId = null, wish, now } = trip;
  return transaction(async (tx) => {
    // The connection's row is the lock: two clicks at once take turns here.
    await tx.select({ id: connections.id }).from(connections).where(eq(connections.id, connectionId)).for("update");
    const open = await tx.query.portalSessions.findFirst({
      where: and(eq(portalSessions.connectionId, connectionId), eq(portalSessions.intent, "reconnect"), isNull(portalSessions.outcome)),
    });
    if (open && !open.claim && open.queueId === queueId && open.wish === wish && isPortalOpen({ openedAt: open.startedAt }, now)) return open.id;
    if (open) await tx.update(portalSessions).set({ outcome: "replaced", endedAt: now }).where(eq(portalSessions.id, open.id));
    const [made] = await tx
      .insert(portalSessions)
      .values({ userId, intent: "reconnect", connectionId, brokerageId, queueId, wish, startedAt: now })
      .returning();
    if (!made) throw new Error("The portal session was not stored");
    return made.id;
  });
}

async function openLink(portalSessionId: string, purpose: LoginPurpose, { userId, darkMode, now }: Trip): Promise<OpenedPortal> {
  const db = await database();
  try {
    const credentials = await requireSnapTradeCredentials(userId, now);
    const returnUrl = `${env().APP_URL}/portal/${portalSessionId}/return`;
    const { loginLink, openedAt, snapTradeSessionId } = await createLoginLink(credentials, purpose, { returnUrl, darkMode });
    // A trip that is joined keeps the moment at which it first opened.
    await db
      .update(portalSessions)
      .set({ openedAt })
      .where(and(eq(portalSessions.id, portalSessionId), isNull(portalSessions.openedAt)));
    await db.update(portalSessions).set({ snapTradeSessionId }).where(eq(portalSessions.id, portalSessionId));
    const view = await getPortalView(userId, portalSessionId, now);
    if (!view) throw new AppError("not-found");
    return { loginLink, portalOrigins: env().SNAPTRADE_PORTAL_ORIGINS, appName: env().APP_NAME, view };
  } catch (error) {
    if (error instanceof SnapTradeFailure && error.kind === "user-refused") await noteRefusal(userId, now);
    await db
      .update(portalSessions)
      .set({ outcome: "not-opened", endedAt: now })
      .where(and(eq(portalSessions.id, portalSessionId), isNull(portalSessions.openedAt)));
    throw toRefusal(error);
  }
}

const weight: Record<PortalClaim["status"], number> = { UNKNOWN: 1, ABANDONED: 1, ERROR: 2, SUCCESS: 3 };

/** Messages repeat and arrive in any order; the one that says most is kept, and leaving afterwards takes nothing back. */
async function noteClaim(userId: string, portalSessionId: string, claim: PortalClaim, now: Date) {
  await transaction(async (tx) => {
    const own = and(eq(portalSessions.id, portalSessionId), eq(portalSessions.userId, userId), isNull(portalSessions.outcome));
    const [trip] = await tx.select({ claim: portalSessions.claim }).from(portalSessions).where(own).for("update");
    if (!trip || (trip.claim && weight[trip.claim.status] >= weight[claim.status])) return;
    const code = claim.status === "ERROR" ? claim.code : null;
    await tx
      .update(portalSessions)
      .set({ claim: { status: claim.status, code }, claimedAt: now })
      .where(own);
  });
}

/** Ends the trip once something final is known; a repair may still be recognised after a failure was. */
async function settle(userId: string, { portalSessionId, outcome }: PortalView, now: Date) {
  if (outcome.state !== "fixed" && outcome.state !== "connected" && outcome.state !== "failed") return;
  const db = await database();
  const own = and(eq(portalSessions.id, portalSessionId), eq(portalSessions.userId, userId));
  const connectionId = outcome.state === "connected" ? { connectionId: outcome.connectionId } : {};
  await db
    .update(portalSessions)
    .set({ outcome: outcome.state, endedAt: now, ...connectionId })
    .where(and(own, outcome.state === "failed" ? isNull(portalSessions.outcome) : sql`${portalSessions.outcome} is distinct from ${outcome.state}`));
}
