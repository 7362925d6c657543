import "server-only";
import { and, asc, eq, gte, inArray, isNull, or } from "drizzle-orm";
import type { Transaction } from "@/lib/db/database";
import { episodes } from "@/lib/db/schema/connections";
import { count } from "@/lib/base/telemetry";
import { notifyBreak, notifyEnd, withdrawEnd } from "@/lib/notifications/record";
import type { Episode } from "./project";

/**
 * Updates the stored episodes to match the history. An episode that only grew or ended keeps its row, and
 * those that ended before the oldest observation we keep stay as they are.
 * @returns whether anything changed
 */
export async function writeEpisodes(
  tx: Transaction,
  connectionId: string,
  wanted: { episodes: Episode[]; since: Date },
  now: Date,
): Promise<boolean> {
  const stored = await tx
    .select()
    .from(episodes)
    .where(
      and(
        eq(episodes.connectionId, connectionId),
        or(isNull(episodes.endedAt), gte(episodes.endedAt, wanted.since)),
      ),
    )
    .orderBy(asc(episodes.brokeAt))
    .for("update");
  const { kept, unclaimed } = match(stored, wanted.episodes);
  // An episode that ended exactly at the oldest observation we keep began with one we dropped.
  const gone = unclaimed.filter(({ endedAt }) => !endedAt || endedAt > wanted.since).map(({ id }) => id);
  if (gone.length > 0) await tx.delete(episodes).where(inArray(episodes.id, gone));
  let changed = gone.length > 0;
  for (const { episode, row } of kept) {
    if (row && sameEpisode(row, episode)) continue;
    changed = true;
    if (row) await tx.update(episodes).set(episode).where(eq(episodes.id, row.id));
    const id = row?.id ?? (await addEpisode(tx, connectionId, episode));
    if (!row) count("reconnect.episodes", { change: "begun" });
    if (!row?.endedAt && episode.endedHow) count("reconnect.episodes", { change: episode.endedHow });
    // A break that was repaired before we learned of it is history, not news.
    if (!row && !episode.endedAt) await notifyBreak(tx, { id, connectionId, noticedAt: episode.noticedAt });
    if (row && !row.endedAt && episode.endedHow) await notifyEnd(tx, { id, endedHow: episode.endedHow }, now);
    if (row?.endedAt && !episode.endedAt) await withdrawEnd(tx, id);
  }
  return changed;
}

type StoredEpisode = typeof episodes.$inferSelect;

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
