import "server-only";
import { inArray, sql } from "drizzle-orm";
import { database, listener } from "./db/client";
import { users } from "@/lib/db/schema/users";
import { describeError, log } from "@/lib/base/log";
import { coalesce } from "@/lib/base/coalesce";

export { recordChange } from "./db/changes";

const channel = "reconnect_changes";
const pollMs = 1_000;
const pagesPerUser = 5;

/**
 * Tells every process that something was changed, once per batch and after its commit, so that a page which
 * then reads never sees less than it was told. It does not say what: each process asks for the versions of
 * the people it has open pages of.
 */
export async function announceChanges(): Promise<void> {
  try {
    await (await database()).execute(sql`select pg_notify(${channel}, '')`);
  } catch (error) {
    // What was changed is safe; open pages hear of it with the next change or when they connect again.
    log.warn(describeError(error), "A change could not be announced");
  }
}

interface Page {
  userId: string;
  told: number;
  tell: (version: number) => void;
}

const pages = new Set<Page>();
let listening: Promise<void> | undefined;

/**
 * Calls `tell` with the version of a person's data now and whenever it has grown, until the returned function
 * is called.
 * @returns null when this person has as many open pages as one may have
 */
export async function follow(userId: string, tell: (version: number) => void): Promise<(() => void) | null> {
  if ([...pages].filter((page) => page.userId === userId).length >= pagesPerUser) return null;
  const page: Page = { userId, told: -1, tell };
  pages.add(page);
  listening ??= listenToChanges().catch((error: unknown) => {
    listening = undefined;
    throw error;
  });
  try {
    await listening;
    await readVersions();
  } catch (error) {
    pages.delete(page);
    throw error;
  }
  return () => pages.delete(page);
}

/**
 * One listener for all open pages of this process; while the database isn't notifying, one query a second
 * serves them all.
 */
async function listenToChanges(): Promise<void> {
  const changed = () =>
    void readVersions().catch((error: unknown) =>
      log.warn(describeError(error), "Versions could not be read"),
    );
  const listen = await listener();
  const hears = listen?.(channel, changed);
  setInterval(() => {
    if (!hears?.()) changed();
  }, pollMs).unref();
}

const readVersions = coalesce(tellVersions);

async function tellVersions(): Promise<void> {
  const open = [...new Set([...pages].map(({ userId }) => userId))];
  if (open.length === 0) return;
  const rows = await (
    await database()
  )
    .select({ id: users.id, version: users.version })
    .from(users)
    .where(inArray(users.id, open));
  const versions = new Map(rows.map(({ id, version }) => [id, version]));
  for (const page of pages) {
    const version = versions.get(page.userId);
    if (version === undefined || version <= page.told) continue;
    page.told = version;
    page.tell(version);
  }
}
