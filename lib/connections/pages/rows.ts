import "server-only";
import { desc, eq, isNull, ne, type SQL } from "drizzle-orm";
import { pageVersion } from "@/lib/db/changes";
import { database } from "@/lib/db/client";
import { brokerageAccounts, connections, episodes } from "@/lib/db/schema/connections";
import { incidents } from "@/lib/db/schema/incidents";
import { notices } from "@/lib/db/schema/notices";
import { portalSessions } from "@/lib/db/schema/portal";
import { snapTradeUsers, users } from "@/lib/db/schema/users";
import { expectedLookAt, isLookDue, isStale, type LookFacts } from "@/lib/connections/look/due";
import type { ConnectionsView } from "@/lib/connections/views";
import type { Moment } from "./status";

/** Everything that a connection's page needs, in one statement. */
export async function findConnections(where: SQL | undefined) {
  const db = await database();
  return db.query.connections.findMany({
    where,
    columns: {
      id: true,
      userId: true,
      access: true,
      state: true,
      changedAt: true,
      connectedSince: true,
      observedAt: true,
      disabledAt: true,
      removalRequestedAt: true,
      removalAcceptedAt: true,
      removalRunAt: true,
      keptBothSince: true,
      unreadableSince: true,
    },
    with: {
      brokerage: {
        columns: {
          id: true,
          slug: true,
          name: true,
          logoUrl: true,
          enabled: true,
          maintenance: true,
          degraded: true,
          allowsTrading: true,
        },
        with: {
          incidents: {
            columns: { beganAt: true, endedAt: true },
            orderBy: [desc(incidents.beganAt), desc(incidents.id)],
            limit: 20,
          },
        },
      },
      accounts: {
        columns: { id: true, name: true, lastDigits: true, holdingsAt: true },
        where: isNull(brokerageAccounts.missingSince),
        orderBy: [brokerageAccounts.name, brokerageAccounts.id],
      },
      episodes: {
        columns: { id: true, brokeAt: true, noticedAt: true, noticedBy: true, endedAt: true, endedHow: true },
        with: {
          notices: { columns: { kind: true, sentAt: true, subject: true }, where: eq(notices.mail, "sent") },
        },
        orderBy: [desc(episodes.brokeAt)],
        limit: 20,
      },
      portalSessions: {
        columns: {
          id: true,
          startedAt: true,
          openedAt: true,
          activeAt: true,
          leftAt: true,
          reportedStatus: true,
          reportedCode: true,
          reportedAt: true,
          signInResult: true,
          outcome: true,
          endedAt: true,
        },
        where: ne(portalSessions.intent, "connect"),
        orderBy: [desc(portalSessions.startedAt), desc(portalSessions.id)],
        limit: 20,
      },
    },
    orderBy: [connections.connectedSince, connections.id],
  });
}

export type ConnectionRow = Awaited<ReturnType<typeof findConnections>>[number];

interface Knowledge {
  version: number;
  /** Null without a SnapTrade user, and for one that SnapTrade no longer knows. */
  look: LookFacts | null;
  gone: ConnectionsView["gone"];
  unreadable: number;
}

/** What is known about a person besides their connections: the version of their data, and the last look. */
export async function getKnowledge(userId: string): Promise<Knowledge> {
  const db = await database();
  const [row] = await db
    .select({
      version: pageVersion,
      registered: snapTradeUsers.userId,
      goneReason: snapTradeUsers.goneReason,
      adoptedAt: snapTradeUsers.adoptedAt,
      lookedAt: snapTradeUsers.lookedAt,
      lookFailedAt: snapTradeUsers.lookFailedAt,
      lookDueAt: snapTradeUsers.lookDueAt,
      unreadable: snapTradeUsers.unreadableConnections,
      askAgainAt: snapTradeUsers.askAgainAt,
    })
    .from(users)
    .leftJoin(snapTradeUsers, eq(snapTradeUsers.userId, users.id))
    .where(eq(users.id, userId));
  if (!row) return { version: 0, look: null, gone: null, unreadable: 0 };
  const { version, registered, goneReason, adoptedAt, unreadable, ...look } = row;
  const gone = goneReason && adoptedAt ? "not-ours" : goneReason;
  return { version, gone, unreadable: unreadable ?? 0, look: registered && !gone ? look : null };
}

/** For a person without a SnapTrade user, who has no connections and nothing to look at. */
export const neverLooked: LookFacts = { lookedAt: null, lookFailedAt: null, lookDueAt: null };

/** How current a page is, and when SnapTrade should be asked again. Times are on our clock. */
export function freshnessOf(known: LookFacts | null, rows: ConnectionRow[], { now }: Moment) {
  const look = known && { ...known, anyDisabled: rows.some(({ state }) => state === "disabled") };
  return {
    lookedAt: look?.lookedAt ?? null,
    // Before the first look the state is unknown, which is not the same as unreachable.
    unreachable:
      look !== null && (look.lookFailedAt !== null || look.lookedAt !== null) && isStale(look, now),
    lookDueAt: look && (isLookDue(look, now) ? now : expectedLookAt(look)),
  };
}
