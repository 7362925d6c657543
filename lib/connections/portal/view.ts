import "server-only";
import { and, desc, eq, ne } from "drizzle-orm";
import { versionsOf } from "@/lib/db/changes";
import { database } from "@/lib/db/client";
import { brokerageAccounts, connections, episodes } from "@/lib/db/schema/connections";
import { portalSessions } from "@/lib/db/schema/portal";
import { snapTradeUsers, users } from "@/lib/db/schema/users";
import { outcomeOf, reportedResultOf, type PortalConnection } from "./outcome";
import { type PortalOutcome } from "@/lib/connections/views";
import { getQueueView } from "./queue";
import type { AccountsBack, PortalView } from "@/lib/connections/views";

async function findSession(userId: string, portalSessionId: string) {
  const db = await database();
  return db.query.portalSessions.findFirst({
    where: and(eq(portalSessions.id, portalSessionId), eq(portalSessions.userId, userId)),
    with: { brokerage: true },
  });
}
type Session = NonNullable<Awaited<ReturnType<typeof findSession>>>;

async function findConnections(userId: string) {
  const db = await database();
  return db.query.connections.findMany({
    where: eq(connections.userId, userId),
    with: {
      brokerage: true,
      accounts: { orderBy: [brokerageAccounts.name, brokerageAccounts.id] },
      episodes: { orderBy: [desc(episodes.brokeAt)], limit: 5 },
    },
  });
}
type Connection = Awaited<ReturnType<typeof findConnections>>[number];

/** The person's other sessions with intent "connect", one of which may have made the new connection. */
async function findOthers({ id, userId }: Session) {
  const db = await database();
  return db
    .select({
      connectionId: portalSessions.connectionId,
      brokerageId: portalSessions.brokerageId,
      outcome: portalSessions.outcome,
      reportedStatus: portalSessions.reportedStatus,
    })
    .from(portalSessions)
    .where(
      and(eq(portalSessions.userId, userId), eq(portalSessions.intent, "connect"), ne(portalSessions.id, id)),
    )
    .orderBy(desc(portalSessions.startedAt), desc(portalSessions.id))
    .limit(50);
}
type Other = Awaited<ReturnType<typeof findOthers>>[number];

/** A portal session with its outcome; null when this person has no session with this id. */
export async function getPortalView(
  userId: string,
  portalSessionId: string,
  now: Date,
): Promise<PortalView | null> {
  const version = await getVersion(userId);
  const session = await findSession(userId, portalSessionId);
  if (!session?.brokerage) return null;
  const all = await findConnections(userId);
  const others = session.intent === "connect" ? await findOthers(session) : [];
  const connection = connectionOf(session, all, others);
  const look = await findLook(userId);
  const outcome = decide(session, connection, all, look, now);
  const brokerage = connection?.brokerage ?? session.brokerage;
  const shared = connection?.accounts.filter(({ missingSince }) => !missingSince) ?? [];
  return {
    version,
    portalSessionId,
    intent: session.intent,
    fixSessionId: session.fixSessionId,
    connectionId: connection?.id ?? null,
    brokerage: { id: brokerage.id, slug: brokerage.slug, name: brokerage.name, logoUrl: brokerage.logoUrl },
    access: connection?.access ?? null,
    accounts: shared.map(({ id, name, lastDigits }) => ({ id, name, lastDigits })),
    accountsBack:
      connection && session.openedAt && outcome.state === "fixed"
        ? accountsBack(connection, session.openedAt, look.accountsAskedAt)
        : null,
    signInOpensPopup: brokerage.signInOpensPopup,
    brokeAt: connection?.episodes[0]?.brokeAt ?? null,
    reportedAt: session.reportedAt,
    outcome,
    canMail: look.email !== null,
    queue: session.queueId ? await getQueueView(userId, session.queueId, connection?.id ?? null) : null,
  };
}

async function getVersion(userId: string): Promise<number> {
  const db = await database();
  return (await versionsOf(db, [userId])).get(userId) ?? 0;
}

async function findLook(userId: string) {
  const db = await database();
  const [look] = await db
    .select({
      lookedAt: snapTradeUsers.lookedAt,
      lookFailedAt: snapTradeUsers.lookFailedAt,
      accountsAskedAt: snapTradeUsers.accountsAskedAt,
      email: users.email,
    })
    .from(users)
    .leftJoin(snapTradeUsers, eq(snapTradeUsers.userId, users.id))
    .where(eq(users.id, userId));
  return look ?? { lookedAt: null, lookFailedAt: null, accountsAskedAt: null, email: null };
}

function decide(
  session: Session,
  connection: Connection | undefined,
  all: Connection[],
  look: Awaited<ReturnType<typeof findLook>>,
  now: Date,
): PortalOutcome {
  const { openedAt, outcome, endedAt } = session;
  if (outcome === "not-opened" || !openedAt) return { state: "failed", failure: "our-side", code: null };
  const known = connection ? factsOf(connection) : null;
  // A recorded repair stands; what happened later is the connection's story, unless it stopped again.
  if (outcome === "fixed" && endedAt && known?.state === "enabled") {
    const at = known.fixedAt;
    return { state: "fixed", confirmedAt: at && at > openedAt ? at : endedAt };
  }
  return outcomeOf(
    {
      intent: session.intent,
      openedAt,
      reportedResult: reportedResultOf(session),
      reportedAt: session.reportedAt,
      leftAt: session.leftAt,
      signInResult: session.signInResult,
      connection: known,
      secondConnectionId:
        session.intent !== "connect" ? (secondOf(session, openedAt, all)?.id ?? null) : null,
      hasOther: all.some(
        (one) =>
          one.brokerageId === session.brokerageId && one.state === "enabled" && one.id !== connection?.id,
      ),
      lookedAt: look.lookedAt,
      lookFailedAt: look.lookFailedAt,
    },
    now,
  );
}

function factsOf(connection: Connection): PortalConnection {
  const { id, state, observedAt, readAt, readState, access, updatedAt, episodes: newest } = connection;
  return {
    id,
    state,
    observedAt,
    readAt,
    readState,
    access,
    updatedAt,
    fixedAt: newest.find(({ endedHow }) => endedHow === "fixed")?.endedAt ?? null,
    brokeAt: newest.find(({ endedAt }) => !endedAt)?.brokeAt ?? null,
  };
}

/**
 * The connection to repair or, for a new one, what SnapTrade has listed since at that brokerage or a sibling;
 * otherwise one there that was repaired meanwhile, since a login may return the existing connection
 * (docs/snaptrade.md §3.7).
 */
function connectionOf(session: Session, all: Connection[], others: Other[]): Connection | undefined {
  const { connectionId, openedAt, brokerageId } = session;
  if (connectionId) return all.find(({ id }) => id === connectionId);
  if (!openedAt) return undefined;
  const fresh = all.filter(
    (one) => isNewSince(one, openedAt) && !others.some((other) => other.connectionId === one.id),
  );
  const made =
    fresh.find((one) => one.brokerageId === brokerageId && !isForAnother(session, one, others)) ??
    siblingOf(session, fresh, others);
  return made ?? all.find((one) => one.brokerageId === brokerageId && repairedSince(one, openedAt));
}

const isOpen = ({ outcome }: Other) => outcome === null;

/** Another open session there reported success and this one did not, so the new connection is that one's. */
function isForAnother(session: Session, { brokerageId }: Connection, others: Other[]): boolean {
  if (session.reportedStatus === "SUCCESS") return false;
  return others.some(
    (other) => isOpen(other) && other.brokerageId === brokerageId && other.reportedStatus === "SUCCESS",
  );
}

/**
 * Some brokerages have several entries, and the portal may lead from one to another (docs/snaptrade.md
 * §8.20). Only a connection at a brokerage without another open session counts.
 */
function siblingOf(session: Session, fresh: Connection[], others: Other[]): Connection | undefined {
  if (session.reportedStatus !== "SUCCESS" && session.signInResult !== "SUCCESS") return undefined;
  return fresh.find(
    (one) =>
      one.brokerageId !== session.brokerageId &&
      !others.some((other) => isOpen(other) && other.brokerageId === one.brokerageId),
  );
}

function secondOf(
  { connectionId, brokerageId }: Session,
  openedAt: Date,
  all: Connection[],
): Connection | undefined {
  return all.find(
    (one) =>
      one.id !== connectionId &&
      one.brokerageId === brokerageId &&
      one.state === "enabled" &&
      isNewSince(one, openedAt),
  );
}

function isNewSince({ state, connectedSince, firstObservedAt }: Connection, openedAt: Date): boolean {
  const since = connectedSince ?? firstObservedAt;
  return state !== "deleted" && since !== null && since >= openedAt;
}

function repairedSince({ episodes: newest }: Connection, openedAt: Date): boolean {
  return newest.some(
    ({ endedAt, endedHow }) => endedHow === "fixed" && endedAt !== null && endedAt > openedAt,
  );
}

/**
 * Which accounts from before the break (or the session, if nothing was broken) are listed again since the
 * repair; null until SnapTrade has been asked. Times are on SnapTrade's clock.
 */
function accountsBack(connection: Connection, openedAt: Date, askedAt: Date | null): AccountsBack | null {
  const { accounts, updatedAt, episodes: newest } = connection;
  const repaired = newest.find(
    ({ endedAt, endedHow }) => endedHow === "fixed" && endedAt && endedAt > openedAt,
  );
  const signedInAt = repaired?.endedAt ?? (updatedAt && updatedAt > openedAt ? updatedAt : openedAt);
  if (!askedAt || askedAt < signedInAt) return null;
  const before = repaired?.brokeAt ?? openedAt;
  const expected = accounts.filter(({ missingSince }) => !missingSince || missingSince > before);
  const missing = expected.filter(({ missingSince }) => missingSince);
  return {
    expected: expected.length,
    missing: missing.map(({ id, name, lastDigits }) => ({ id, name, lastDigits })),
  };
}
