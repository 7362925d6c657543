import "server-only";
import { inArray, sql } from "drizzle-orm";
import { takeUnannounced, toBeAnnounced } from "./db/changes";
import { database, listener } from "./db/client";
import { users } from "./db/schema/users";
import { coalesce } from "./base/coalesce";
import { describeError, log } from "./base/log";
import { withOwnId } from "./base/request-id";

export { recordChange } from "./db/changes";

const channel = "reconnect_changes";
/** PostgreSQL allows a payload of 8,000 bytes; beyond this many people, the announcement is for everyone. */
const maxNamed = 200;
/** The payload that stands for all people; processes of earlier versions always send it. */
const everyone = "";
const pollMs = 1_000;
/** An announcement may be lost with its process, so even a listener that hears asks this often. */
const askAnywayMs = 30_000;
const announceAgainMs = 5_000;
const pagesPerUser = 5;

/**
 * Announces to every process whose data has changed. Called after the commit, so a page that then reads never
 * sees less than was announced. A failure is logged, and the next announcement includes these people.
 */
export async function announceChanges(): Promise<void> {
  const people = takeUnannounced();
  if (people.length === 0) return;
  try {
    const payload = people.length > maxNamed ? everyone : people.join(",");
    await (await database()).execute(sql`select pg_notify(${channel}, ${payload})`);
  } catch (error) {
    // The data is safe; open pages are notified with the next announcement.
    toBeAnnounced(people);
    log.warn(describeError(error), "A change could not be announced");
    setTimeout(() => void announceChanges(), announceAgainMs).unref();
  }
}

interface Page {
  userId: string;
  announced: number;
  announce: (version: number) => void;
}

const pages = new Set<Page>();
let listening: Promise<void> | undefined;

/**
 * Calls `announce` with the version of a person's data, now and whenever it grows, until the returned
 * function is called.
 * @returns null when this person already has five open pages in this process
 */
export async function follow(
  userId: string,
  announce: (version: number) => void,
): Promise<(() => void) | null> {
  if ([...pages].filter((page) => page.userId === userId).length >= pagesPerUser) return null;
  const page: Page = { userId, announced: -1, announce };
  pages.add(page);
  // Outlives the request that starts it.
  listening ??= withOwnId("live", listenToChanges).catch((error: unknown) => {
    listening = undefined;
    throw error;
  });
  try {
    await listening;
    outdated.add(userId);
    await readVersions();
  } catch (error) {
    pages.delete(page);
    throw error;
  }
  return () => pages.delete(page);
}

/** One listener serves all open pages of this process. While it is down, one query a second does. */
async function listenToChanges(): Promise<void> {
  const listen = await listener();
  const hears = listen?.(channel, hear);
  setInterval(() => {
    if (!hears?.()) hear(null);
  }, pollMs).unref();
  setInterval(() => hear(null), askAnywayMs).unref();
}

/** People whose versions have to be read again. */
const outdated = new Set<string>();

/** @param payload user ids, comma-separated; null when announcements may have been missed */
function hear(payload: string | null): void {
  const open = new Set([...pages].map(({ userId }) => userId));
  const named =
    payload === null || payload === everyone ? [...open] : payload.split(",").filter((id) => open.has(id));
  if (named.length === 0) return;
  for (const id of named) outdated.add(id);
  readVersions().catch((error: unknown) => log.warn(describeError(error), "Versions could not be read"));
}

const readVersions = coalesce(async () => {
  const people = [...outdated];
  if (people.length === 0) return;
  outdated.clear();
  const versions = await versionsOf(people).catch((error: unknown) => {
    for (const id of people) outdated.add(id);
    throw error;
  });
  for (const page of pages) {
    const version = versions.get(page.userId);
    if (version === undefined || version <= page.announced) continue;
    page.announced = version;
    page.announce(version);
  }
});

async function versionsOf(userIds: string[]): Promise<Map<string, number>> {
  const db = await database();
  const rows = await db
    .select({ id: users.id, version: users.version })
    .from(users)
    .where(inArray(users.id, userIds));
  return new Map(rows.map(({ id, version }) => [id, version]));
}
