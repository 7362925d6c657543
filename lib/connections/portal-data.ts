import "server-only";
import { and, desc, eq } from "drizzle-orm";
import { database } from "@/lib/db/client";
import { brokerageAccounts, connections, episodes, portalSessions, snapTradeUsers } from "@/lib/db/schema";
import { outcomeOf, type PortalClaim, type PortalFacts, type PortalOutcome } from "./portal-outcome";
import { getQueueView } from "./queue";
import type { PortalView } from "./views";

async function findTrip(userId: string, portalSessionId: string) {
  const db = await database();
  return db.query.portalSessions.findFirst({
    where: and(eq(portalSessions.id, portalSessionId), eq(portalSessions.userId, userId)),
    with: { brokerage: true },
  });
}
type Trip = NonNullable<Awaited<ReturnType<typeof findTrip>>>;

async function findConnectionsThere(userId: string, brokerageId: string) {
  const db = await database();
  return db.query.connections.findMany({
    where: and(eq(connections.userId, userId), eq(connections.brokerageId, brokerageId)),
    with: {
      accounts: { columns: { id: true, name: true, lastDigits: true }, orderBy: [brokerageAccounts.name, brokerageAccounts.id] },
      episodes: { orderBy: [desc(episodes.brokeAt)], limit: 1 },
    },
  });
}
type ConnectionThere = Awaited<ReturnType<typeof findConnectionsThere>>[number];

/** One trip to the portal and what the server knows of it, or null when this person has none with this id. */
export async function getPortalView(userId: string, portalSessionId: string, now: Date): Promise<PortalView | null> {
  const trip = await findTrip(userId, portalSessionId);
  if (!trip?.brokerage) return null;
  const there = await findConnectionsThere(userId, trip.brokerage.id);
  const connection = connectionOf(trip, there);
  const { brokerage } = trip;
  return {
    portalSessionId,
    intent: trip.intent,
    wish: trip.wish,
    connectionId: connection?.id ?? null,
    brokerage: { id: brokerage.id, slug: brokerage.slug, name: brokerage.name, logoUrl: brokerage.logoUrl },
    access: connection?.access ?? null,
    accounts: connection?.accounts ?? [],
    opensWindow: brokerage.opensWindow,
    brokeAt: connection?.episodes[0]?.brokeAt ?? null,
    claimedAt: trip.claimedAt,
    outcome: await decide(trip, connection, there, now),
    queue: trip.queueId ? await getQueueView(userId, trip.queueId, connection?.id ?? null) : null,
  };
}

async function decide(trip: Trip, connection: ConnectionThere | undefined, there: ConnectionThere[], now: Date): Promise<PortalOutcome> {
  if (trip.outcome === "fixed" && trip.endedAt) return { state: "fixed", confirmedAt: confirmation(trip, connection) ?? trip.endedAt };
  if (trip.outcome === "not-opened" || !trip.openedAt) return { state: "failed", failure: "our-side", code: null };
  const db = await database();
  const [look] = await db.select({ lookedAt: snapTradeUsers.lookedAt }).from(snapTradeUsers).where(eq(snapTradeUsers.userId, trip.userId));
  const facts: PortalFacts = {
    intent: trip.intent,
    wish: trip.wish,
    openedAt: trip.openedAt,
    claim: trip.claim ? asClaim(trip.claim) : null,
    claimedAt: trip.claimedAt,
    attemptResult: trip.attemptResult,
    connection: connection
      ? {
          id: connection.id,
          disabled: connection.state === "disabled",
          deleted: connection.state === "deleted",
          observedAt: connection.observedAt,
          fixedAt: fixedAt(connection),
        }
      : null,
    secondConnectionId: trip.intent === "reconnect" ? (madeSince(trip.openedAt, there, connection?.id)?.id ?? null) : null,
    lookedAt: look?.lookedAt ?? null,
  };
  return outcomeOf(facts, now);
}

/** The connection to repair; for a new one, what appeared since, or the one that SnapTrade gave back for the same login (FACTS 5.4). */
function connectionOf(trip: Trip, there: ConnectionThere[]): ConnectionThere | undefined {
  if (trip.connectionId) return there.find(({ id }) => id === trip.connectionId);
  if (!trip.openedAt) return undefined;
  const made = madeSince(trip.openedAt, there, undefined);
  return made ?? (trip.claim?.status === "SUCCESS" ? there.find(({ state }) => state === "enabled") : undefined);
}

function madeSince(openedAt: Date, there: ConnectionThere[], except: string | undefined): ConnectionThere | undefined {
  return there.find(({ id, state, connectedSince }) => id !== except && state === "enabled" && connectedSince !== null && connectedSince >= openedAt);
}

function confirmation(trip: Trip, connection: ConnectionThere | undefined): Date | null {
  const at = connection && fixedAt(connection);
  return at && trip.openedAt && at > trip.openedAt ? at : null;
}

function fixedAt({ episodes: [newest] }: ConnectionThere): Date | null {
  return newest?.endedHow === "fixed" ? newest.endedAt : null;
}

function asClaim({ status, code }: { status: PortalClaim["status"]; code: string | null }): PortalClaim {
  return status === "ERROR" ? { status, code } : { status };
}
