import "server-only";
import { sql } from "drizzle-orm";
import { describeError, log } from "@/lib/base/log";
import { database, isBusy } from "./client";
import { hasState } from "./errors";
import { TimeLimitError, within } from "./limits";
import { connections, episodes } from "./schema/connections";
import { sessions } from "./schema/auth";
import { snapTradeUsers, users } from "./schema/users";

/** "read-only": it answers but accepts no changes, like a standby after a failover. */
export type DatabaseState = "usable" | "read-only" | "away";

const askWithinMs = 2_000;
/** Our own query began to wait for its connection a moment after we began to count. */
const busyMs = askWithinMs - 100;
const freshMs = 200;

let known: { state: DatabaseState; at: number } = { state: "away", at: 0 };
let asking: Promise<DatabaseState> | null = null;

/**
 * Whether pages can be shown right now: the database answers and accepts changes, and nobody has locked the
 * tables that pages read. A missing free connection alone changes nothing: each request waits for one within
 * its own limits. Answers within about two seconds; concurrent callers share one query. Never throws.
 */
export async function askDatabase(): Promise<DatabaseState> {
  if (known.state === "usable" && Date.now() - known.at < freshMs) return "usable";
  asking ??= ask().finally(() => (asking = null));
  return asking;
}

async function ask(): Promise<DatabaseState> {
  const state = await within(askWithinMs, "Asking the database for its state", lockNothing()).then(
    () => "usable" as const,
    async (error: unknown) => {
      if (error instanceof TimeLimitError && (await isOnlyBusy())) return "usable" as const;
      // 25006: the server is in recovery, or was set to read-only.
      const state = hasState(error, /^25006$/) ? "read-only" : "away";
      if (known.state === "usable" || known.at === 0)
        log.error({ ...describeError(error), state }, "The database can't be used; pages answer 503");
      return state;
    },
  );
  if (state === "usable" && known.state !== "usable" && known.at > 0) log.info("The database is back");
  known = { state, at: Date.now() };
  return state;
}

/** Opening the database, which this needs too, may be what takes so long. */
const isOnlyBusy = () => within(100, "Asking the pool", isBusy(busyMs)).catch(() => false);

/**
 * Takes the same table locks as a page that reads, but locks no row. A lock that only stops writing, such as
 * an index being built, goes unnoticed: pages stay readable, and writes fail within their own limits. A
 * read-only server refuses it, which also discards the connection, so the next one may reach the new primary.
 */
async function lockNothing(): Promise<void> {
  const db = await database();
  await db.execute(
    sql`select 1 from ${users}, ${sessions}, ${snapTradeUsers}, ${connections}, ${episodes} where false for key share`,
  );
}
