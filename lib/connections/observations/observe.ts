import "server-only";
import { asc, sql } from "drizzle-orm";
import { transaction } from "@/lib/db/client";
import type { Transaction } from "@/lib/db/database";
import { recordset, uuids } from "@/lib/db/recordset";
import { brokerages, connections, observations } from "@/lib/db/schema/connections";
import { recordEvents } from "@/lib/events/record";
import { endSessionsOf } from "@/lib/fix-sessions/ending/end";
import { announceChanges, recordChange } from "@/lib/live";
import { groupBy } from "@/lib/base/group-by";
import { log } from "@/lib/base/log";
import { isShadow } from "@/lib/base/mode";
import type { SeenBrokerage } from "@/lib/snaptrade/connections";
import { grow, type Growth } from "./history";
import type { Observation } from "./project";
import { requestLooks } from "./snaptrade-user";
import { stateEvents } from "./state-events";
import { recordWatched } from "./watched";
import { writeBrokerages } from "./write-brokerages";
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

/** An observation of one person's connection. */
export type OwnedObservation = ConnectionObservation & { userId: string };

/** The result of recording a set of observations of one person's connections. */
export interface Observed {
  /** Connections that are new, or whose state, access or episodes changed. */
  changed: string[];
  /** Our clock: when to ask SnapTrade again because observations contradict each other; null if none do. */
  lookAgainAt: Date | null;
}

/**
 * Records observations of any number of people's connections, in the order in which they arrived; the only
 * writer of their state. The newest wins, so order and repetition don't matter (docs/snaptrade.md §8.3).
 * Skips other users' connections, and unknown ones without details. The number of statements doesn't depend
 * on the number of observations. The caller requests a look if the result says that observations contradict
 * each other, and announces the changes after the commit.
 * @param others people whose SnapTrade users the caller writes afterwards (recordWatched)
 * @returns the result by user id
 */
export async function observeAll(
  tx: Transaction,
  seen: OwnedObservation[],
  others: Iterable<string> = [],
): Promise<Map<string, Observed>> {
  const people = [...new Set(seen.map(({ userId }) => userId))];
  await recordBrokerages(tx, seen);
  const before = await lockConnections(tx, people);
  await recordDetails(tx, seen);
  const rows = await withUnlocked(tx, seen, before);
  const own = seen.filter((observation) => isOwn(observation, rows.get(observation.connectionId)));
  const grown = await growHistories(tx, own, rows);
  await writeStates(tx, grown);
  const withNewEpisodes = await writeEpisodes(tx, grown);
  await recordEvents(tx, stateEvents(grown, rows));
  await endFixSessions(tx, grown, seen);

  const hasNewAccess = own.filter(({ connectionId, details }) => {
    const access = before.get(connectionId)?.access;
    return details && access && access !== details.access;
  });
  const hasNewState = grown.filter(
    ({ connectionId, first, projection }) =>
      first || withNewEpisodes.has(connectionId) || projection.state !== rows.get(connectionId)?.state,
  );
  const changed = groupBy([...hasNewAccess, ...hasNewState], ({ userId }) => userId);
  for (const userId of changed.keys()) await recordChange(tx, userId);
  // Every look corrects this too, in case a registration ran at the same time as a change.
  const read = seen.filter(({ answeredAt }) => answeredAt).map(({ userId }) => userId);
  await recordWatched(tx, new Set([...changed.keys(), ...read]), others);
  const doubts = groupBy(
    grown.filter(({ lookAgainAt }) => lookAgainAt),
    ({ userId }) => userId,
  );
  return new Map(
    people.map((userId) => [
      userId,
      {
        changed: [...new Set(changed.get(userId)?.map(({ connectionId }) => connectionId))],
        lookAgainAt: earliest(doubts.get(userId)?.map(({ lookAgainAt }) => lookAgainAt) ?? []),
      },
    ]),
  );
}

/** Like observeAll, for one person. */
export async function observeWithin(
  tx: Transaction,
  userId: string,
  seen: ConnectionObservation[],
): Promise<Observed> {
  const results = await observeAll(
    tx,
    seen.map((observation) => ({ ...observation, userId })),
  );
  return results.get(userId) ?? { changed: [], lookAgainAt: null };
}

/**
 * Like observeWithin, but in its own transaction, and requests the look itself.
 * @returns the ids of the connections that changed
 */
export async function observe(userId: string, seen: ConnectionObservation[]): Promise<string[]> {
  const changed = await transaction(async (tx) => {
    const { changed, lookAgainAt } = await observeWithin(tx, userId, seen);
    if (lookAgainAt) await requestLooks(tx, [{ userId, dueAt: lookAgainAt }]);
    return changed;
  });
  await announceChanges();
  return changed;
}

const lockedColumns = {
  id: connections.id,
  userId: connections.userId,
  brokerageId: connections.brokerageId,
  access: connections.access,
  state: connections.state,
  readAt: connections.readAt,
};
export type LockedConnection = Pick<typeof connections.$inferSelect, keyof typeof lockedColumns>;

/** Locks all connections of these people, in the order of docs/decisions/0010-lock-order.md. */
export async function lockConnections(
  tx: Transaction,
  userIds: string[],
): Promise<Map<string, LockedConnection>> {
  const rows = await tx
    .select(lockedColumns)
    .from(connections)
    .where(sql`${connections.userId} = any(${uuids(userIds)})`)
    .orderBy(asc(connections.id))
    .for("update");
  return new Map(rows.map((row) => [row.id, row]));
}

/** Adds observed connections that aren't locked yet: those just stored and other people's. */
async function withUnlocked(
  tx: Transaction,
  seen: OwnedObservation[],
  locked: Map<string, LockedConnection>,
): Promise<Map<string, LockedConnection>> {
  const missing = [...new Set(seen.map(({ connectionId }) => connectionId))].filter((id) => !locked.has(id));
  if (missing.length === 0) return locked;
  const rows = await tx
    .select(lockedColumns)
    .from(connections)
    .where(sql`${connections.id} = any(${uuids(missing)})`);
  return new Map([...locked, ...rows.map((row) => [row.id, row] as const)]);
}

function isOwn({ userId, connectionId }: OwnedObservation, row: LockedConnection | undefined): boolean {
  if (row?.userId === userId) return true;
  log.warn(
    { connectionId, known: row !== undefined },
    "An observation of a connection that is not this user's was ignored",
  );
  return false;
}

/** The change to one person's connection. */
type Grown = Growth & { userId: string; connectionId: string; brokerageId: string };

async function growHistories(
  tx: Transaction,
  seen: OwnedObservation[],
  rows: Map<string, LockedConnection>,
): Promise<Grown[]> {
  if (seen.length === 0) return [];
  const byConnection = groupBy(seen, ({ connectionId }) => connectionId);
  const stored = await tx
    .select()
    .from(observations)
    .where(sql`${observations.connectionId} = any(${uuids(byConnection.keys())})`);
  const histories = groupBy(stored, ({ connectionId }) => connectionId);
  return [...byConnection].flatMap(([connectionId, added]) => {
    const growth = grow(histories.get(connectionId) ?? [], added);
    const row = rows.get(connectionId);
    return growth && row ? { ...growth, connectionId, userId: row.userId, brokerageId: row.brokerageId } : [];
  });
}

/** Only what works or is gone can end a fix session. */
async function endFixSessions(tx: Transaction, grown: Grown[], seen: OwnedObservation[]): Promise<void> {
  const people = grown.flatMap(({ userId, projection }) => (projection.state === "disabled" ? [] : userId));
  const newest = Math.max(...seen.map(({ recordedAt }) => recordedAt.getTime()));
  await endSessionsOf(tx, [...new Set(people)], new Date(newest));
}

async function writeStates(tx: Transaction, grown: Grown[]): Promise<void> {
  const added = grown.flatMap(({ connectionId, added }) =>
    added.map((observation) => ({ ...observation, connectionId })),
  );
  const forgotten = grown.flatMap(({ connectionId, forgotten }) =>
    forgotten.map(({ observedAt, state }) => ({ connectionId, observedAt, state })),
  );
  if (forgotten.length > 0)
    await tx.execute(sql`
      delete from ${observations} using ${recordset("old", { connectionId: "uuid", observedAt: "timestamptz", state: "text" }, forgotten)}
      where connection_id = any(${uuids(forgotten.map(({ connectionId }) => connectionId))})
        and connection_id = old."connectionId" and observed_at = old."observedAt" and ${observations.state} = old.state`);
  if (added.length > 0)
    await tx.execute(sql`
      insert into ${observations} (connection_id, observed_at, answered_at, state, disabled_at, source, recorded_at, in_shadow)
      select "connectionId", "observedAt", "answeredAt", state, "disabledAt", source, "recordedAt", ${isShadow()}::boolean
      from ${recordset("added", observationColumns, added)}`);
  if (grown.length === 0) return;
  const states = grown.map(({ connectionId, projection: { state, observedAt, disabledAt }, read }) => ({
    connectionId,
    state,
    observedAt,
    disabledAt,
    readAt: read?.observedAt ?? null,
    readState: read?.state ?? null,
  }));
  const isNewerRead = sql`(next."readAt" >= coalesce(${connections.readAt}, '-infinity'))`;
  await tx.execute(sql`
    update ${connections} set
      state = next.state,
      observed_at = next."observedAt",
      disabled_at = next."disabledAt",
      read_at = case when ${isNewerRead} then next."readAt" else read_at end,
      read_state = case when ${isNewerRead} then next."readState" else read_state end,
      unreadable_since = case when ${isNewerRead} then null else unreadable_since end
    from ${recordset("next", stateColumns, states)}
    where id = any(${uuids(states.map(({ connectionId }) => connectionId))}) and id = next."connectionId"`);
}

const observationColumns = {
  connectionId: "uuid",
  observedAt: "timestamptz",
  answeredAt: "timestamptz",
  state: "text",
  disabledAt: "timestamptz",
  source: "text",
  recordedAt: "timestamptz",
};
const stateColumns = {
  connectionId: "uuid",
  state: "text",
  observedAt: "timestamptz",
  disabledAt: "timestamptz",
  readAt: "timestamptz",
  readState: "text",
};

/** Stores connections seen for the first time, and updates everything except their state. */
async function recordDetails(tx: Transaction, seen: OwnedObservation[]): Promise<void> {
  // A list may name a connection twice, but a statement can't write a row twice.
  const newest = new Map<string, typeof connections.$inferInsert>();
  for (const { connectionId: id, userId, details, state, observedAt, disabledAt } of seen) {
    if (!details) continue;
    const { brokerage, ...rest } = { ...details, state, observedAt, disabledAt };
    newest.set(id, { id, userId, brokerageId: brokerage.id, firstObservedAt: observedAt, ...rest });
  }
  if (newest.size === 0) return;
  await tx
    .insert(connections)
    .values(inOrder([...newest.values()]))
    .onConflictDoUpdate({
      target: connections.id,
      set: {
        access: sql`excluded.access`,
        connectedSince: sql`excluded.connected_since`,
        updatedAt: sql`greatest(${connections.updatedAt}, excluded.updated_at)`,
        unreadableSince: null,
      },
      setWhere: sql`${connections.userId} = excluded.user_id and ${connections.observedAt} < excluded.observed_at`,
    });
}

/** Stores each brokerage's newest description among the observations. */
async function recordBrokerages(tx: Transaction, seen: OwnedObservation[]): Promise<void> {
  const newest = new Map<string, typeof brokerages.$inferInsert>();
  for (const { details, observedAt } of seen)
    if (details) newest.set(details.brokerage.id, { ...details.brokerage, observedAt });
  await writeBrokerages(tx, [...newest.values()]);
}

/** The lock order of docs/decisions/0010-lock-order.md prevents deadlocks. */
const inOrder = <Row extends { id: string }>(rows: Row[]) =>
  rows.sort((one, other) => (one.id < other.id ? -1 : 1));

function earliest(times: (Date | null)[]): Date | null {
  return times.reduce((first, at) => (first && (!at || first <= at) ? first : at), null);
}
