import "server-only";
import { and, gte, isNull, or, sql } from "drizzle-orm";
import type { Transaction } from "@/lib/db/database";
import { recordset, uuids } from "@/lib/db/recordset";
import { episodes, observations } from "@/lib/db/schema/connections";
import { isShadow } from "@/lib/base/mode";
import { count } from "@/lib/base/telemetry";
import { groupBy } from "@/lib/base/group-by";
import { notifyBreaks, notifyEnds, withdrawEnds } from "@/lib/notifications/record";
import { recordLivedDays } from "./lifetimes";
import type { Episode, Projection } from "./project";

/** What one connection's history adds up to. */
interface Wanted {
  userId: string;
  connectionId: string;
  brokerageId: string;
  projection: Pick<Projection, "episodes">;
  /** The time of the oldest observation that we have. */
  since: Date;
  /** Our clock: when we learned of it. */
  recordedAt: Date;
}

type StoredEpisode = typeof episodes.$inferSelect;
interface Change extends Omit<Wanted, "projection"> {
  episode: Episode;
  /** The stored episode; undefined if this one is new. */
  row: StoredEpisode | undefined;
}

/**
 * Updates the stored episodes of any number of connections to match their histories, and plans the notices.
 * An episode that only grew or ended keeps its row, and those that ended before the oldest observation we
 * have stay as they are.
 * @returns the connections whose episodes changed
 */
export async function writeEpisodes(tx: Transaction, wanted: Wanted[]): Promise<Set<string>> {
  const stored = groupBy(await readEpisodes(tx, wanted), ({ connectionId }) => connectionId);
  const gone: StoredEpisode[] = [];
  const changes: Change[] = [];
  for (const { projection, ...one } of wanted) {
    const { kept, unclaimed } = match(stored.get(one.connectionId) ?? [], projection.episodes);
    // An episode that ended exactly at the oldest observation we have began with one that was deleted.
    gone.push(...unclaimed.filter(({ endedAt }) => !endedAt || endedAt > one.since));
    for (const { episode, row } of kept)
      if (!row || !sameEpisode(row, episode)) changes.push({ ...one, episode, row });
  }
  // In this order, no connection ever has two open episodes.
  if (gone.length > 0)
    await tx.delete(episodes).where(sql`${episodes.id} = any(${uuids(gone.map(({ id }) => id))})`);
  await update(
    tx,
    changes.filter(({ episode }) => episode.endedAt),
  );
  await update(
    tx,
    changes.filter(({ episode }) => !episode.endedAt),
  );
  const added = await insert(
    tx,
    changes.filter(({ row }) => !row),
  );
  const changed = new Set([...gone, ...changes].map(({ connectionId }) => connectionId));
  await recordLivedDays(
    tx,
    wanted.filter(({ connectionId }) => changed.has(connectionId)),
  );
  countChanges(changes);
  await notify(tx, changes, added);
  return changed;
}

async function readEpisodes(tx: Transaction, wanted: Wanted[]): Promise<StoredEpisode[]> {
  if (wanted.length === 0) return [];
  const sinceOf = new Map(wanted.map(({ connectionId, since }) => [connectionId, since]));
  const earliest = [...sinceOf.values()].reduce((one, other) => (one < other ? one : other));
  const rows = await tx
    .select()
    .from(episodes)
    .where(
      and(
        sql`${episodes.connectionId} = any(${uuids(sinceOf.keys())})`,
        or(isNull(episodes.endedAt), gte(episodes.endedAt, earliest)),
      ),
    )
    .orderBy(episodes.connectionId, episodes.brokeAt)
    .for("update");
  return rows.filter(
    ({ connectionId, endedAt }) => !endedAt || endedAt >= (sinceOf.get(connectionId) ?? endedAt),
  );
}

async function update(tx: Transaction, changes: Change[]): Promise<void> {
  const rows = changes.flatMap(({ episode, row }) => (row ? { ...episode, id: row.id } : []));
  if (rows.length === 0) return;
  await tx.execute(sql`
    update ${episodes} set broke_at = next."brokeAt", noticed_at = next."noticedAt", noticed_by = next."noticedBy",
      ended_at = next."endedAt", ended_how = next."endedHow"
    from ${recordset("next", { id: "uuid", ...episodeColumns }, rows)}
    where ${episodes}.id = any(${uuids(rows.map(({ id }) => id))}) and ${episodes}.id = next.id`);
}

const episodeColumns = {
  brokeAt: "timestamptz",
  noticedAt: "timestamptz",
  noticedBy: "text",
  endedAt: "timestamptz",
  endedHow: "text",
};

type AddedEpisode = Pick<StoredEpisode, "id" | "inShadow">;

/** @returns the new rows, by connection and start */
async function insert(tx: Transaction, changes: Change[]): Promise<Map<string, AddedEpisode>> {
  if (changes.length === 0) return new Map();
  const rows = changes.map(({ userId, connectionId, brokerageId, episode }) => ({
    userId,
    connectionId,
    brokerageId,
    ...episode,
    inShadow: noticedInShadow(connectionId, episode.noticedAt),
  }));
  const { id, connectionId, brokeAt, inShadow } = episodes;
  const added = await tx.insert(episodes).values(rows).returning({ id, connectionId, brokeAt, inShadow });
  return new Map(added.map((row) => [keyOf(row), row]));
}

/**
 * Whether the observation by which we noticed was recorded in shadow mode. An episode may be inserted later
 * than that, when a late observation divides a run in two.
 */
const noticedInShadow = (connectionId: string, noticedAt: Date) => sql`exists (
  select 1 from ${observations} where connection_id = ${connectionId}::uuid
    and recorded_at = ${noticedAt.toISOString()}::timestamptz and in_shadow)`;

const keyOf = ({ connectionId, brokeAt }: { connectionId: string; brokeAt: Date }) =>
  `${connectionId} ${brokeAt.getTime()}`;

function countChanges(changes: Change[]): void {
  for (const { row, episode } of changes) {
    if (!row) count("reconnect.episodes", { change: "begun" });
    if (!row?.endedAt && episode.endedHow) count("reconnect.episodes", { change: episode.endedHow });
  }
}

async function notify(tx: Transaction, changes: Change[], added: Map<string, AddedEpisode>): Promise<void> {
  await notifyBreaks(
    tx,
    changes.flatMap(({ row, episode, userId, connectionId, brokerageId }) => {
      const made = added.get(keyOf({ connectionId, ...episode }));
      // A break that was repaired before we learned of it is history, not news, and so is one from shadow mode.
      if (row || !made || episode.endedAt || made.inShadow || isShadow()) return [];
      return { episodeId: made.id, userId, brokerageId, noticedAt: episode.noticedAt };
    }),
  );
  await notifyEnds(
    tx,
    changes.flatMap(({ row, episode: { endedHow }, recordedAt }) =>
      row && !row.endedAt && endedHow ? { episodeId: row.id, endedHow, now: recordedAt } : [],
    ),
  );
  await withdrawEnds(
    tx,
    changes.flatMap(({ row, episode }) => (row?.endedAt && !episode.endedAt ? row.id : [])),
  );
}

/**
 * Finds the row of each episode. An equal start comes before an overlap, because an episode may end in the
 * millisecond in which the next begins, and notices must stay with the break they are about.
 */
function match(stored: StoredEpisode[], wanted: Episode[]) {
  const unclaimed = [...stored];
  const rows = new Map<Episode, StoredEpisode>();
  const beginsWith = (one: Episode, other: Episode) => one.brokeAt.getTime() === other.brokeAt.getTime();
  for (const fits of [beginsWith, overlaps]) {
    for (const episode of wanted) {
      const index = rows.has(episode) ? -1 : unclaimed.findIndex((row) => fits(row, episode));
      for (const row of index < 0 ? [] : unclaimed.splice(index, 1)) rows.set(episode, row);
    }
  }
  return { kept: wanted.map((episode) => ({ episode, row: rows.get(episode) })), unclaimed };
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
