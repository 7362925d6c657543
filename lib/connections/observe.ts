import "server-only";
import { and, asc, eq, inArray, lt, sql } from "drizzle-orm";
import { transaction } from "@/lib/db/client";
import type { Database, Transaction } from "@/lib/db/database";
import { brokerages, connections, episodes, observations, users } from "@/lib/db/schema";
import { announceChanges, noteChange } from "@/lib/live";
import { log } from "@/lib/log";
import { notifyBreak, notifyEnd } from "@/lib/notifications/notify";
import type { SeenBrokerage } from "@/lib/snaptrade/connections";
import { forgettable, project, type Episode, type Observation, type Projection } from "./episodes";
import { requestLook } from "./snaptrade-user";

/** What a read of SnapTrade adds to the bare statement; needed the first time a connection is seen. */
export interface ConnectionDetails {
  brokerage: SeenBrokerage;
  access: "read" | "trade";
  connectedSince: Date | null;
}

export interface ConnectionObservation extends Observation {
  connectionId: string;
  details?: ConnectionDetails;
}

/** No statement reaches us later than this after it was true: SnapTrade retries for hours (FACTS 6.5). */
const rememberDays = 7;

/** Two statements so close together that clocks cannot order them; where they disagree, SnapTrade is asked again. */
const disagreementMs = 2_000;

/**
 * Writes down what was said about connections of one user; the only writer of their state.
 * The newer observation wins, an older one only enters the history, deleted is final; so order and repetition cannot matter.
 * An observation of a connection that we do not know (and that brings no details), or that is another user's, changes nothing.
 * @returns the ids of the connections that are new, or whose state or episodes changed
 */
export async function observe(userId: string, seen: ConnectionObservation[]): Promise<string[]> {
  const changed = await transaction((tx) => observeWithin(tx, userId, seen));
  if (changed.length > 0) await announceChanges();
  return changed;
}

/** Like observe, as part of a transaction that does more; whoever commits it announces the changes. */
export async function observeWithin(tx: Transaction, userId: string, seen: ConnectionObservation[]): Promise<string[]> {
  // In one order everywhere, so that two transactions never wait for each other in a circle.
  const inOrder = [...seen].sort((one, other) => (one.connectionId < other.connectionId ? -1 : 1));
  await noteBrokerages(tx, inOrder);
  const changed = new Set<string>();
  for (const observation of inOrder) if (await observeOne(tx, userId, observation)) changed.add(observation.connectionId);
  if (changed.size > 0) await noteChange(tx, userId);
  return [...changed];
}

async function observeOne(tx: Transaction, userId: string, seen: ConnectionObservation): Promise<boolean> {
  const { connectionId, details } = seen;
  const accessChanged = details ? await noteConnection(tx, userId, seen, details) : false;
  const [known] = await tx
    .select({ userId: connections.userId, state: connections.state, observedAt: connections.observedAt })
    .from(connections)
    .where(eq(connections.id, connectionId))
    .for("update");
  if (known?.userId !== userId) {
    log.warn({ connectionId, known: known !== undefined }, "An observation of a connection that is not this user's was ignored");
    return false;
  }
  const { state, observedAt, disabledAt, source, recordedAt } = seen;
  const added = await tx
    .insert(observations)
    .values({ connectionId, state, observedAt, disabledAt, source, recordedAt })
    .onConflictDoNothing()
    .returning({ connectionId: observations.connectionId });
  if (added.length === 0) return accessChanged;

  const history = await tx.select().from(observations).where(eq(observations.connectionId, connectionId)).orderBy(asc(observations.observedAt));
  const projection = project(history);
  await tx
    .update(connections)
    .set({ state: projection.state, observedAt: projection.observedAt, disabledAt: projection.disabledAt })
    .where(eq(connections.id, connectionId));
  const doubt = doubtOf(seen, history, projection);
  if (doubt) await requestLook(tx, userId, new Date(recordedAt.getTime() + doubt.afterMs));
  for (const old of forgettable(history, new Date(observedAt.getTime() - rememberDays * 86_400_000))) {
    await tx
      .delete(observations)
      .where(and(eq(observations.connectionId, connectionId), eq(observations.observedAt, old.observedAt), eq(observations.state, old.state)));
  }
  const episodesChanged = await writeEpisodes(tx, connectionId, projection.episodes, recordedAt);
  return accessChanged || episodesChanged || projection.state !== known.state || history.length === 1;
}

/** Makes the row of a connection that is seen for the first time, and keeps what may change besides its state. @returns whether the access did */
async function noteConnection(tx: Transaction, userId: string, seen: ConnectionObservation, details: ConnectionDetails): Promise<boolean> {
  const { access, connectedSince } = details;
  const [before] = await tx.select({ access: connections.access }).from(connections).where(eq(connections.id, seen.connectionId));
  await tx
    .insert(connections)
    .values({
      id: seen.connectionId,
      userId,
      brokerageId: details.brokerage.id,
      access,
      connectedSince,
      state: seen.state,
      observedAt: seen.observedAt,
      disabledAt: seen.disabledAt,
    })
    .onConflictDoUpdate({
      target: connections.id,
      set: { access, connectedSince },
      setWhere: and(eq(connections.userId, userId), lt(connections.observedAt, seen.observedAt)),
    });
  return before !== undefined && before.access !== access;
}

/** The newest word on each brokerage among the observations; an older one never overwrites it. */
async function noteBrokerages(tx: Transaction, seen: ConnectionObservation[]) {
  const newest = new Map<string, typeof brokerages.$inferInsert>();
  for (const { details, observedAt } of seen) if (details) newest.set(details.brokerage.id, { ...details.brokerage, observedAt });
  await writeBrokerages(tx, [...newest.values()]);
}

/** Stores brokerages as SnapTrade described them; each row keeps the newest description. */
export async function writeBrokerages(tx: Pick<Database, "select" | "insert" | "execute">, rows: (typeof brokerages.$inferInsert)[]): Promise<void> {
  if (rows.length === 0) return;
  const inOrder = [...rows].sort((one, other) => (one.id < other.id ? -1 : 1));
  const flags = { id: brokerages.id, enabled: brokerages.enabled, maintenance: brokerages.maintenance, degraded: brokerages.degraded };
  const before = await tx
    .select(flags)
    .from(brokerages)
    .where(
      inArray(
        brokerages.id,
        rows.map(({ id }) => id),
      ),
    );
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
        opensWindow: sql`coalesce(excluded.opens_window, ${brokerages.opensWindow})`,
        observedAt: sql`excluded.observed_at`,
        listedAt: sql`coalesce(excluded.listed_at, ${brokerages.listedAt})`,
      },
      setWhere: sql`${brokerages.observedAt} <= excluded.observed_at`,
    });
  const changed = before.filter((old) =>
    rows.some(
      ({ id, enabled, maintenance, degraded }) =>
        id === old.id && (enabled !== old.enabled || maintenance !== old.maintenance || degraded !== old.degraded),
    ),
  );
  await noteBrokerageChange(
    tx,
    changed.map(({ id }) => id),
  );
}

/** Marks the pages of everybody with a connection at these brokerages as behind; whoever commits it announces the changes. */
export async function noteBrokerageChange(tx: Pick<Database, "execute">, brokerageIds: string[]): Promise<void> {
  if (brokerageIds.length === 0) return;
  const ids = sql.join(
    brokerageIds.map((id) => sql`${id}::uuid`),
    sql`, `,
  );
  await tx.execute(sql`
    update ${users} set version = version + 1
    where id in (select user_id from ${connections} where brokerage_id in (${ids}) and state <> 'deleted')`);
}

/**
 * When two statements disagree and their times do not settle it, SnapTrade is asked again: after a moment where the times are too close,
 * at once where an older word comes behind a newer one that says the contrary.
 */
function doubtOf(seen: Observation, history: Observation[], { state, observedAt }: Projection): { afterMs: number } | null {
  if (state === "deleted") return null;
  const close = history.some(
    (other) => other.state !== seen.state && Math.abs(other.observedAt.getTime() - seen.observedAt.getTime()) <= disagreementMs,
  );
  if (close) return { afterMs: disagreementMs };
  return seen.observedAt < observedAt && seen.state !== state ? { afterMs: 0 } : null;
}

/** Brings the stored episodes to what the history says; an episode that only became longer or ended keeps its row. */
async function writeEpisodes(tx: Transaction, connectionId: string, wanted: Episode[], now: Date): Promise<boolean> {
  const stored = await tx.select().from(episodes).where(eq(episodes.connectionId, connectionId)).orderBy(asc(episodes.brokeAt)).for("update");
  const unclaimed = [...stored];
  const kept = wanted.map((episode) => {
    const index = unclaimed.findIndex((row) => overlaps(row, episode));
    return { episode, row: index < 0 ? undefined : unclaimed.splice(index, 1)[0] };
  });
  const gone = unclaimed.map((row) => row.id);
  if (gone.length > 0) await tx.delete(episodes).where(inArray(episodes.id, gone));
  let changed = gone.length > 0;
  for (const { episode, row } of kept) {
    if (row && sameEpisode(row, episode)) continue;
    changed = true;
    if (row) await tx.update(episodes).set(episode).where(eq(episodes.id, row.id));
    const id = row?.id ?? (await addEpisode(tx, connectionId, episode));
    // What broke and was repaired before we knew of it is history, not news.
    if (!row && !episode.endedAt) await notifyBreak(tx, { id, connectionId, noticedAt: episode.noticedAt });
    if (row && !row.endedAt && episode.endedHow) await notifyEnd(tx, { id, endedHow: episode.endedHow }, now);
  }
  return changed;
}

async function addEpisode(tx: Transaction, connectionId: string, episode: Episode): Promise<string> {
  const [added] = await tx
    .insert(episodes)
    .values({ connectionId, ...episode })
    .returning({ id: episodes.id });
  if (!added) throw new Error("The episode was not stored");
  return added.id;
}

function overlaps(one: Episode, other: Episode): boolean {
  const endsAfter = (episode: Episode, at: Date) => !episode.endedAt || episode.endedAt >= at;
  return endsAfter(one, other.brokeAt) && endsAfter(other, one.brokeAt);
}

function sameEpisode(one: Episode, other: Episode): boolean {
  return (
    one.brokeAt.getTime() === other.brokeAt.getTime() &&
    one.noticedAt.getTime() === other.noticedAt.getTime() &&
    one.endedAt?.getTime() === other.endedAt?.getTime() &&
    one.endedHow === other.endedHow
  );
}
