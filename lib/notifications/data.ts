import "server-only";
import { and, count, desc, eq, inArray, isNotNull, isNull, lte, or, sql } from "drizzle-orm";
import { database } from "@/lib/db/client";
import { notices } from "@/lib/db/schema/notices";
import { brokerages, connections, episodes } from "@/lib/db/schema/connections";
import { users } from "@/lib/db/schema/users";
import type { NoticeView, MailSettings } from "./views";

/** Breaks and repairs are listed at once, reminders only after they were sent. */
const shown = or(eq(notices.kind, "broke"), eq(notices.kind, "fixed"), isNotNull(notices.sentAt));

/** Lists a person's notices, newest first, at most 100. */
export async function listNotices(userId: string): Promise<NoticeView[]> {
  const db = await database();
  return db
    .select({
      id: notices.id,
      kind: notices.kind,
      at: sql<Date>`coalesce(${notices.sentAt}, ${notices.createdAt})`.mapWith(notices.createdAt),
      readAt: notices.readAt,
      connectionId: connections.id,
      brokerage: {
        id: brokerages.id,
        slug: brokerages.slug,
        name: brokerages.name,
        logoUrl: brokerages.logoUrl,
      },
      open: sql<boolean>`${episodes.endedAt} is null`,
    })
    .from(notices)
    .innerJoin(episodes, eq(episodes.id, notices.episodeId))
    .innerJoin(connections, eq(connections.id, episodes.connectionId))
    .innerJoin(brokerages, eq(brokerages.id, connections.brokerageId))
    .where(and(eq(notices.userId, userId), shown))
    .orderBy(desc(notices.createdAt), notices.id)
    .limit(100);
}

/** Counts the listed notices that the person has not marked as read. */
export async function countUnread(userId: string): Promise<number> {
  const db = await database();
  const [row] = await db
    .select({ unread: count() })
    .from(notices)
    .where(and(eq(notices.userId, userId), isNull(notices.readAt), shown));
  return row?.unread ?? 0;
}

/**
 * Marks notices up to `shownAt`, the time of the newest one on the page, as read; later or planned ones stay
 * unread.
 */
export async function markAllRead(userId: string, shownAt: Date, now: Date): Promise<void> {
  const db = await database();
  const news = and(inArray(notices.kind, ["broke", "fixed"]), lte(notices.createdAt, shownAt));
  await db
    .update(notices)
    .set({ readAt: now })
    .where(and(eq(notices.userId, userId), isNull(notices.readAt), or(news, lte(notices.sentAt, shownAt))));
}

export async function getMailSettings(userId: string): Promise<MailSettings> {
  const db = await database();
  const [row] = await db
    .select({ preference: users.mailPreference, quietFrom: users.quietFrom, quietTo: users.quietTo })
    .from(users)
    .where(eq(users.id, userId));
  if (!row) throw new Error("A signed-in person has no row");
  return row;
}

export async function saveMailSettings(
  userId: string,
  { preference, quietFrom, quietTo }: MailSettings,
): Promise<void> {
  const db = await database();
  await db.update(users).set({ mailPreference: preference, quietFrom, quietTo }).where(eq(users.id, userId));
}

/** Stores the person's time zone; writes only if it changed. */
export async function rememberTimeZone(userId: string, timeZone: string): Promise<void> {
  const db = await database();
  await db
    .update(users)
    .set({ timeZone })
    .where(and(eq(users.id, userId), sql`${users.timeZone} <> ${timeZone}`));
}
