import "server-only";
import { and, desc, eq, gt, isNull, ne, or, type SQL } from "drizzle-orm";
import { database } from "@/lib/db/client";
import { notices } from "@/lib/db/schema/notices";
import { incidents } from "@/lib/db/schema/incidents";
import { brokerageAccounts, connections, episodes } from "@/lib/db/schema/connections";
import { portalSessions } from "@/lib/db/schema/portal";
import { snapTradeUsers, users } from "@/lib/db/schema/users";
import { unconfirmedAfterSeconds } from "@/lib/connections/portal/outcome";
import { recentLifetimes, signedInAt } from "@/lib/connections/observations/lifetimes";
import { daysToUsualEnd, type Lifetimes } from "@/lib/connections/observations/lifetimes";
import { canReconnect, groupOf, statusOf, type Moment } from "./status";
import { expectedLookAt, isLookDue, isPortalOpen, isStale, type LookFacts } from "@/lib/connections/look/due";
import { timelineOf } from "./timeline";
import type { ConnectionDetailView, ConnectionsView, ConnectionView } from "@/lib/connections/views";

const urgency = ["needs-you", "nothing-to-do", "connected"];

/** All that a connection's page needs, in one statement. */
async function findConnections(where: SQL | undefined) {
  const db = await database();
  return db.query.connections.findMany({
    where,
    columns: {
      id: true,
      access: true,
      state: true,
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
  /** Null for a person without a SnapTrade user, and for one that SnapTrade no longer knows. */
  look: LookFacts | null;
  gone: "deleted" | "refused" | null;
  unreadable: number;
}

async function getKnowledge(userId: string): Promise<Knowledge> {
  const db = await database();
  const [row] = await db
    .select({
      version: users.version,
      registered: snapTradeUsers.userId,
      gone: snapTradeUsers.goneReason,
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
  const { version, registered, gone, unreadable, ...look } = row;
  return { version, gone, unreadable: unreadable ?? 0, look: registered && !gone ? look : null };
}

/**
 * A person's connections as the list shows them: what needs them first. Two statements, the version first, so
 * that it never is newer than what is shown. One that is gone stays for a day, so that its removal is seen to
 * be confirmed.
 */
export async function listConnectionViews(userId: string, moment: Moment): Promise<ConnectionsView> {
  const goneSince = new Date(moment.now.getTime() - 24 * 3_600_000);
  const { version, look, gone, unreadable } = await getKnowledge(userId);
  const rows = await findConnections(
    and(
      eq(connections.userId, userId),
      or(ne(connections.state, "deleted"), gt(connections.observedAt, goneSince)),
    ),
  );
  const lifetimes = await recentLifetimes();
  const views = rows.map((row) => toView(row, rows, look ?? neverLooked, lifetimes, moment));
  views.sort((one, other) => urgency.indexOf(one.group) - urgency.indexOf(other.group) || byAge(one, other));
  const known = look?.lookedAt !== null;
  return { version, gone, known, unreadable, connections: views, ...freshness(look, rows, moment) };
}

/**
 * One connection of this person with its history, or null when they have none with this id. Two statements.
 */
export async function getConnectionDetail(
  userId: string,
  connectionId: string,
  moment: Moment,
): Promise<ConnectionDetailView | null> {
  const { version, look } = await getKnowledge(userId);
  const rows = await findConnections(eq(connections.userId, userId));
  const row = rows.find(({ id }) => id === connectionId);
  if (!row) return null;
  const lifetimes = await recentLifetimes();
  return {
    version,
    connection: toView(row, rows, look ?? neverLooked, lifetimes, moment),
    lifetime: lifetimeOf(row, lifetimes.get(row.brokerage.id)),
    timeline: timelineOf(row, look?.lookedAt ?? null),
    earlier: row.episodes
      .slice(1)
      .flatMap(({ id, brokeAt, endedAt, endedHow }) =>
        endedAt && endedHow ? [{ id, brokeAt, endedAt, endedHow }] : [],
      ),
    ...freshness(look, rows, moment),
  };
}

/** Somebody without a SnapTrade user has no connections, and nothing to look at. */
const neverLooked: LookFacts = { lookedAt: null, lookFailedAt: null, lookDueAt: null };

function freshness(known: LookFacts | null, rows: ConnectionRow[], { now }: Moment) {
  const look = known && { ...known, anyDisabled: rows.some(({ state }) => state === "disabled") };
  return {
    lookedAt: look?.lookedAt ?? null,
    // Never looked at means unknown, not unreachable.
    unreachable:
      look !== null && (look.lookFailedAt !== null || look.lookedAt !== null) && isStale(look, now),
    lookDueAt: look && (isLookDue(look, now) ? now : expectedLookAt(look)),
  };
}

function toView(
  row: ConnectionRow,
  all: ConnectionRow[],
  look: LookFacts,
  lifetimes: Map<string, Lifetimes>,
  moment: Moment,
): ConnectionView {
  const openSession = row.portalSessions.find(
    (session) => session.outcome === null && isShown(session, row.disabledAt, moment.now),
  );
  const newestSession = row.portalSessions[0];
  const fixedAt = row.episodes.find((episode) => episode.endedHow === "fixed")?.endedAt ?? null;
  const status = statusOf(
    {
      disabled: row.state === "disabled",
      disabledAt: row.disabledAt,
      deletedAt: row.state === "deleted" ? row.observedAt : null,
      removalRequestedAt: row.removalRequestedAt,
      fixedAt,
      inIncident: row.brokerage.incidents.some(
        ({ beganAt, endedAt }) => !endedAt && row.disabledAt !== null && row.disabledAt >= beganAt,
      ),
      openPortal: openSession
        ? { activeAt: openSession.activeAt, reportedSuccess: openSession.reportedStatus === "SUCCESS" }
        : null,
      unreadableSince: row.unreadableSince,
      brokerage: row.brokerage,
    },
    look,
    moment,
  );
  const unfinished =
    status === "disabled" &&
    newestSession?.outcome === "failed" &&
    row.disabledAt &&
    newestSession.openedAt &&
    newestSession.openedAt > row.disabledAt;
  return {
    id: row.id,
    brokerage: {
      id: row.brokerage.id,
      slug: row.brokerage.slug,
      name: row.brokerage.name,
      logoUrl: row.brokerage.logoUrl,
    },
    status,
    group: groupOf(status),
    canReconnect: canReconnect(status),
    access: row.access,
    accounts: row.accounts.map(({ id, name, lastDigits }) => ({ id, name, lastDigits })),
    connectedSince: row.connectedSince,
    disabledAt: row.disabledAt,
    dataAsOf: newestData(row),
    fixedAt,
    removalRequestedAt: row.removalRequestedAt,
    removalHeard: row.removalAcceptedAt !== null,
    removalParked: row.removalRequestedAt !== null && row.removalRunAt === null,
    removedAt: row.state === "deleted" ? row.observedAt : null,
    portalOpenedAt: openSession?.startedAt ?? null,
    lastSessionUnfinishedAt: unfinished ? newestSession.startedAt : null,
    secondConnectionId: secondConnection(row, all)?.id ?? null,
    daysToUsualEnd: daysToUsualEnd(
      {
        enabled: row.state === "enabled",
        worksSince: signedInAt(row, moment.now),
        lifetimes: lifetimes.get(row.brokerage.id) ?? null,
      },
      moment.now,
    ),
    canAllowTrading:
      row.brokerage.allowsTrading &&
      row.access === "read" &&
      row.state === "enabled" &&
      !row.removalRequestedAt,
  };
}

type ShownSession = Pick<
  ConnectionRow["portalSessions"][number],
  "openedAt" | "activeAt" | "leftAt" | "reportedStatus" | "reportedAt"
>;

/**
 * Whether the person may be in the portal for the present break, or has just said that they signed in there.
 */
function isShown(
  { openedAt, activeAt, leftAt, reportedStatus, reportedAt }: ShownSession,
  disabledAt: Date | null,
  now: Date,
): boolean {
  // There is nothing to visit, and open pages have not been told, until SnapTrade has answered with a login
  // link.
  if (!openedAt) return false;
  // SnapTrade's clock is known to about a second. A visit for an earlier break is over.
  if (disabledAt && openedAt.getTime() + 1_000 < disabledAt.getTime()) return false;
  if (reportedStatus === "SUCCESS" && reportedAt)
    return now.getTime() - reportedAt.getTime() < unconfirmedAfterSeconds * 1_000;
  return isPortalOpen({ activeAt }, now) && !leftAt;
}

/** Only for the newest break: how long it had worked until then, beside what is usual there. */
function lifetimeOf(row: ConnectionRow, lifetimes: Lifetimes | undefined) {
  const [newest] = row.episodes;
  const since = newest ? signedInAt(row, newest.brokeAt) : null;
  const usual = lifetimes?.[9];
  if (!newest || !since || !usual) return null;
  return {
    usualDays: Math.round(usual),
    lastedDays: Math.round((newest.brokeAt.getTime() - since.getTime()) / 86_400_000),
  };
}

export function newestData(row: Pick<ConnectionRow, "accounts">): Date | null {
  const times = row.accounts.flatMap(({ holdingsAt }) => (holdingsAt ? [holdingsAt.getTime()] : []));
  return times.length > 0 ? new Date(Math.max(...times)) : null;
}

/**
 * A working connection at the same brokerage, made after this one broke: likely a repair that went astray.
 */
function secondConnection(row: ConnectionRow, all: ConnectionRow[]): ConnectionRow | undefined {
  const { disabledAt } = row;
  if (row.state !== "disabled" || !disabledAt || row.keptBothSince || row.removalRequestedAt)
    return undefined;
  return all.find(
    (other) =>
      other.state === "enabled" &&
      !other.removalRequestedAt &&
      other.brokerage.id === row.brokerage.id &&
      other.connectedSince !== null &&
      other.connectedSince > disabledAt,
  );
}

function byAge(one: ConnectionView, other: ConnectionView): number {
  const brokeAt = (view: ConnectionView) => view.disabledAt?.getTime() ?? Number.MAX_SAFE_INTEGER;
  return brokeAt(one) - brokeAt(other) || one.brokerage.name.localeCompare(other.brokerage.name);
}
