import "server-only";
import { and, asc, eq, gt, isNotNull } from "drizzle-orm";
import { database } from "@/lib/db/client";
import { events } from "@/lib/db/schema/events";
import { AppError } from "@/lib/base/errors";
import { publishEvents } from "./publish";

type StoredEvent = Pick<typeof events.$inferSelect, "type" | "at" | "data">;

/** What receivers get, without its id, which is in the `webhook-id` header or next to it. */
export const payloadOf = ({ type, at, data }: StoredEvent) => ({ type, timestamp: at.toISOString(), data });

/**
 * The stream of events that endpoints receive, for catching up. An event never appears before one that was
 * already read, so reading on from the last known id misses nothing that is still kept. An event of a person
 * who was deleted isn't listed, but can be read on from.
 * @param after the id of the last event that the reader knows, a UUID; null reads from the oldest one that is kept
 * @throws AppError not-found if that event isn't kept anymore
 */
export async function listEvents(after: string | null, limit: number, now: Date) {
  await publishEvents(now);
  const db = await database();
  const { id, userId, type, at, data, position } = events;
  const [known] = after ? await db.select({ position }).from(events).where(eq(id, after)) : [{ position: 0 }];
  if (known?.position == null) throw new AppError("not-found");
  const rows = await db
    .select({ id, type, at, data })
    .from(events)
    .where(and(gt(position, known.position), isNotNull(userId)))
    .orderBy(asc(position))
    .limit(limit);
  return rows.map(({ at: timestamp, ...row }) => ({ ...row, timestamp }));
}
