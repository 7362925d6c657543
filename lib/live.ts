import "server-only";
import { sql } from "drizzle-orm";
import { everyone, pageVersion, takeUnannounced, toBeAnnounced } from "./db/changes";
import { database, listener } from "./db/client";
import { uuids } from "./db/recordset";
import { sessions } from "./db/schema/auth";
import { users } from "./db/schema/users";
import { coalesce } from "./base/coalesce";
import { describeError, log } from "./base/log";
import { withOwnId } from "./base/request-id";

export { recordChange } from "./db/changes";

const channel = "reconnect_changes";
/** PostgreSQL allows a payload of 8,000 bytes; beyond this many people, the announcement is for everyone. */
const maxNamed = 200;
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
  session: FollowingSession | undefined;
}

interface FollowingSession {
  id: string;
  /** Called once the session has ended, after its final change of version. */
  onEnd: () => void;
}

interface Live {
  pages: Set<Page>;
  applyOwn?: () => Promise<unknown>;
}

// The server's startup code and its routes are bundled separately but must share this state.
const held = globalThis as { reconnectLive?: Live };
const live = (held.reconnectLive ??= { pages: new Set() });
const { pages } = live;
let listening: Promise<void> | undefined;

/** The people with a page open in this process. */
export const listFollowed = (): string[] => [...new Set([...pages].map(({ userId }) => userId))];

/**
 * Sets what this process does for the people in listFollowed whenever the changes of a crowd are announced,
 * by any process, or announcements may have been missed. `work` must not throw.
 */
export function onCrowd(work: () => Promise<unknown>): void {
  live.applyOwn = work;
}

/**
 * Calls `announce` with the version of a person's data, now and whenever it grows, until the returned
 * function is called.
 * @param session following stops when it is revoked, which is announced like any change
 * @returns null when this person already has five open pages in this process
 */
export async function follow(
  userId: string,
  announce: (version: number) => void,
  session?: FollowingSession,
): Promise<(() => void) | null> {
  if ([...pages].filter((page) => page.userId === userId).length >= pagesPerUser) return null;
  const page: Page = { userId, announced: -1, announce, session };
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
  const open = new Set(listFollowed());
  const isAboutMany = payload === null || payload === everyone;
  const named = isAboutMany ? [...open] : payload.split(",").filter((id) => open.has(id));
  if (named.length === 0) return;
  if (isAboutMany) void live.applyOwn?.();
  for (const id of named) outdated.add(id);
  readVersions().catch((error: unknown) => log.warn(describeError(error), "Versions could not be read"));
}

const readVersions = coalesce(async () => {
  const people = [...outdated];
  if (people.length === 0) return;
  outdated.clear();
  const asked = new Set(people);
  const states = await statesOf(people).catch((error: unknown) => {
    for (const id of people) outdated.add(id);
    throw error;
  });
  for (const page of pages) {
    if (!asked.has(page.userId)) continue;
    const state = states.get(page.userId);
    if (state && state.version > page.announced) {
      page.announced = state.version;
      page.announce(state.version);
    }
    if (page.session && !state?.sessionIds.includes(page.session.id)) {
      pages.delete(page);
      page.session.onEnd();
    }
  }
});

/** The version and the sessions of each of these people who still exist. */
async function statesOf(userIds: string[]): Promise<Map<string, { version: number; sessionIds: string[] }>> {
  const db = await database();
  // Table names are written out; Drizzle would omit them, and `id` would mean the wrong column.
  const ownSessions = sql<
    string[]
  >`array(select own.id::text from ${sessions} own where own.user_id = users.id)`;
  const rows = await db
    .select({
      id: users.id,
      version: pageVersion,
      sessionIds: ownSessions,
    })
    .from(users)
    .where(sql`${users.id} = any(${uuids(userIds)})`);
  return new Map(rows.map(({ id, ...state }) => [id, state]));
}
