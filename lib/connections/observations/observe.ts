import "server-only";
import { and, asc, eq, inArray, lt, or, sql } from "drizzle-orm";
import { recordChangeAt } from "@/lib/db/changes";
import { transaction } from "@/lib/db/client";
import type { Database, Transaction } from "@/lib/db/database";
import { brokerages, connections, observations } from "@/lib/db/schema/connections";
import { announceChanges, recordChange } from "@/lib/live";
import { log } from "@/lib/base/log";
import type { SeenBrokerage } from "@/lib/snaptrade/connections";
import { doubtOf } from "./doubt";
import { forgettable, project, type Observation } from "./project";
import { requestLook } from "./snaptrade-user";
import { recordWatched } from "./watched";
import { writeEpisodes } from "./write-episodes";

/** What a read adds to the state itself; required the first time a connection is seen. */
export interface ConnectionDetails {
  brokerage: SeenBrokerage;
  access: "read" | "trade";
  connectedSince: Date | null;
  updatedAt: Date | null;
}

export interface ConnectionObservation extends Observation {
  connectionId: string;
  details?: ConnectionDetails;
}

/** The result of recording a set of observations. */
export interface Observed {
  /** Connections that are new, or whose state, access or episodes changed. */
  changed: string[];
  /** Our clock: when to ask SnapTrade again because observations contradict each other; null if none do. */
  lookAgainAt: Date | null;
}

/**
 * Records observations of one user's connections; the only writer of their state. The newest wins, so order
 * and repetition don't matter (docs/snaptrade.md §8.3); a contradiction makes a look due. Skips unknown
 * connections without details and other users' connections. The caller announces after the commit.
 */
export async function observeWithin(
  tx: Transaction,
  userId: string,
  seen: ConnectionObservation[],
): Promise<Observed> {
  // The lock order of docs/decisions/0010-lock-order.md prevents deadlocks.
  const inOrder = [...seen].sort((one, other) => (one.connectionId < other.connectionId ? -1 : 1));
  await recordBrokerages(tx, inOrder);
  // A read may also write connections that it doesn't observe. Webhook processing has already locked all of
  // them.
  if (seen.some(({ answeredAt }) => answeredAt)) await lockConnections(tx, userId);
  const changed = new Set<string>();
  let lookAgainAt: Date | null = null;
  for (const observation of inOrder) {
    const observed = await observeOne(tx, userId, observation);
    if (observed.changed) changed.add(observation.connectionId);
    const dueAt =
      observed.doubtMs === null ? null : new Date(observation.recordedAt.getTime() + observed.doubtMs);
    if (dueAt && (!lookAgainAt || dueAt < lookAgainAt)) lookAgainAt = dueAt;
  }
  if (lookAgainAt) await requestLook(tx, userId, lookAgainAt);
  // A look also corrects it after a registration that ran at the same time as a change.
  if (changed.size > 0 || seen.some(({ answeredAt }) => answeredAt)) await recordWatched(tx, userId);
  if (changed.size > 0) await recordChange(tx, userId);
  return { changed: [...changed], lookAgainAt };
}

async function lockConnections(tx: Transaction, userId: string): Promise<void> {
  await tx
    .select({ id: connections.id })
    .from(connections)
    .where(eq(connections.userId, userId))
    .orderBy(asc(connections.id))
    .for("update");
}

/** Like observeWithin, in its own transaction. @returns the ids of the connections that changed */
export async function observe(userId: string, seen: ConnectionObservation[]): Promise<string[]> {
  const { changed } = await transaction((tx) => observeWithin(tx, userId, seen));
  await announceChanges();
  return changed;
}

async function observeOne(
  tx: Transaction,
  userId: string,
  seen: ConnectionObservation,
): Promise<{ changed: boolean; doubtMs: number | null }> {
  const { connectionId, details } = seen;
  const accessChanged = details ? await recordConnection(tx, userId, seen, details) : false;
  const [known] = await tx
    .select({ userId: connections.userId, state: connections.state, readAt: connections.readAt })
    .from(connections)
    .where(eq(connections.id, connectionId))
    .for("update");
  if (known?.userId !== userId) {
    log.warn(
      { connectionId, known: known !== undefined },
      "An observation of a connection that is not this user's was ignored",
    );
    return { changed: false, doubtMs: null };
  }
  const { state, observedAt, answeredAt, disabledAt, source, recordedAt } = seen;
  const added = await tx
    .insert(observations)
    .values({ connectionId, state, observedAt, answeredAt, disabledAt, source, recordedAt })
    .onConflictDoNothing()
    .returning({ connectionId: observations.connectionId });
  if (added.length === 0) return { changed: accessChanged, doubtMs: null };

  const history = await tx
    .select()
    .from(observations)
    .where(eq(observations.connectionId, connectionId))
    .orderBy(asc(observations.observedAt));
  const projection = project(history);
  await tx
    .update(connections)
    .set({
      state: projection.state,
      observedAt: projection.observedAt,
      disabledAt: projection.disabledAt,
      ...(answeredAt && !(known.readAt && known.readAt > observedAt)
        ? { readAt: observedAt, readState: state, unreadableSince: null }
        : {}),
    })
    .where(eq(connections.id, connectionId));
  await forget(tx, connectionId, forgettable(history));
  const since = history[0]?.observedAt ?? observedAt;
  const episodesChanged = await writeEpisodes(
    tx,
    connectionId,
    { episodes: projection.episodes, since },
    recordedAt,
  );
  const changed =
    accessChanged || episodesChanged || projection.state !== known.state || history.length === 1;
  return { changed, doubtMs: doubtOf(seen, history, projection) };
}

async function forget(tx: Transaction, connectionId: string, old: Observation[]): Promise<void> {
  if (old.length === 0) return;
  const each = old.map(({ observedAt, state }) =>
    and(eq(observations.observedAt, observedAt), eq(observations.state, state)),
  );
  await tx.delete(observations).where(and(eq(observations.connectionId, connectionId), or(...each)));
}

/**
 * Inserts a connection that is seen for the first time, and updates everything except its state.
 * @returns whether its access level changed
 */
async function recordConnection(
  tx: Transaction,
  userId: string,
  seen: ConnectionObservation,
  details: ConnectionDetails,
): Promise<boolean> {
  const { access, connectedSince, updatedAt } = details;
  const [before] = await tx
    .select({ access: connections.access })
    .from(connections)
    .where(eq(connections.id, seen.connectionId));
  await tx
    .insert(connections)
    .values({
      id: seen.connectionId,
      userId,
      brokerageId: details.brokerage.id,
      access,
      connectedSince,
      updatedAt,
      firstObservedAt: seen.observedAt,
      state: seen.state,
      observedAt: seen.observedAt,
      disabledAt: seen.disabledAt,
    })
    .onConflictDoUpdate({
      target: connections.id,
      set: {
        access,
        connectedSince,
        updatedAt: sql`greatest(${connections.updatedAt}, excluded.updated_at)`,
        unreadableSince: null,
      },
      setWhere: and(eq(connections.userId, userId), lt(connections.observedAt, seen.observedAt)),
    });
  return before !== undefined && before.access !== access;
}

/** Stores each brokerage's newest description among the observations. */
async function recordBrokerages(tx: Transaction, seen: ConnectionObservation[]) {
  const newest = new Map<string, typeof brokerages.$inferInsert>();
  for (const { details, observedAt } of seen)
    if (details) newest.set(details.brokerage.id, { ...details.brokerage, observedAt });
  await writeBrokerages(tx, [...newest.values()]);
}

/**
 * Stores brokerages as SnapTrade described them (docs/snaptrade.md §3.8). An older description never
 * overwrites a newer one.
 */
export async function writeBrokerages(
  tx: Pick<Database, "select" | "insert" | "update">,
  rows: (typeof brokerages.$inferInsert)[],
): Promise<void> {
  if (rows.length === 0) return;
  const before = await tx
    .select()
    .from(brokerages)
    .where(
      inArray(
        brokerages.id,
        rows.map(({ id }) => id),
      ),
    );
  const inOrder = rows
    .filter((row) => !before.some((old) => isRepeated(row, old)))
    .sort((one, other) => (one.id < other.id ? -1 : 1));
  if (inOrder.length === 0) return;
  await tx
    .insert(brokerages)
    .values(inOrder)
    .onConflictDoUpdate({
      target: brokerages.id,
      set: {
        slug: sql`excluded.slug`,
        name: sql`excluded.name`,
        logoUrl: sql`excluded.logo_url`,
        enabled: sql`excluded.enabled`,
        maintenance: sql`excluded.maintenance`,
        degraded: sql`excluded.degraded`,
        allowsTrading: sql`excluded.allows_trading`,
        signInOpensPopup: sql`coalesce(excluded.sign_in_opens_popup, ${brokerages.signInOpensPopup})`,
        observedAt: sql`excluded.observed_at`,
        listedAt: sql`coalesce(excluded.listed_at, ${brokerages.listedAt})`,
      },
      setWhere: sql`${brokerages.observedAt} <= excluded.observed_at`,
    });
  const changed = before.filter((old) =>
    rows.some(
      ({ id, enabled, maintenance, degraded }) =>
        id === old.id &&
        (enabled !== old.enabled || maintenance !== old.maintenance || degraded !== old.degraded),
    ),
  );
  await recordChangeAt(
    tx,
    changed.map(({ id }) => id),
  );
}

/**
 * Every look describes its brokerages, nearly always as the look before. Writing that again would make looks
 * that have nothing else in common wait for each other's commits.
 */
const repeatedForMs = 60_000;

function isRepeated(row: typeof brokerages.$inferInsert, old: typeof brokerages.$inferSelect): boolean {
  const laterMs = row.observedAt.getTime() - old.observedAt.getTime();
  const same = (Object.keys(row) as (keyof typeof row)[]).every(
    (key) => key === "observedAt" || row[key] === undefined || row[key] === old[key],
  );
  return same && laterMs >= 0 && laterMs < repeatedForMs;
}
