import "server-only";
import path from "node:path";
import { Pool } from "pg";
import { env } from "@/lib/base/env";
import { toBeAnnounced, withChanges } from "./changes";
import type { Database, OpenDatabase, Transaction } from "./database";
import { usualLimits, type Limits } from "./limits";
import { listenWithPg, type Listen } from "./listen";
import { requireCurrentSchema } from "./migrate";
import { neonPool } from "./neon";
import { openPglite } from "./pglite";
import { openPool } from "./pool";

type Settings = Pick<ReturnType<typeof env>, "DATABASE_URL" | "DATABASE_DRIVER" | "NEON_WS_PROXY">;

const poolSize = 10;

/**
 * Opens the database that DATABASE_URL names with the driver that fits it: PGlite, pg, or Neon's over a
 * WebSocket.
 * @throws DatabaseError when an embedded folder is in use, damaged or from a newer version
 */
export async function openDatabase(settings: Settings, limits: Limits = usualLimits): Promise<OpenDatabase> {
  const { DATABASE_URL: url } = settings;
  if (url.startsWith("pglite:"))
    return openPglite(path.resolve(/* turbopackIgnore: true */ url.slice("pglite:".length)), limits);
  const options = {
    connectionString: url,
    max: poolSize,
    connectionTimeoutMillis: limits.connectMs,
    keepAlive: true,
  };
  if (usesNeon(settings)) return openPool(neonPool(options, settings.NEON_WS_PROXY), null, limits);
  return openPool(new Pool(options), listenWithPg(url, limits), limits);
}

function usesNeon({ DATABASE_URL, DATABASE_DRIVER }: Settings): boolean {
  if (DATABASE_DRIVER) return DATABASE_DRIVER === "neon";
  return new URL(DATABASE_URL).hostname.endsWith(".neon.tech");
}

// Development reloads this module; the open database must outlive that.
const held = globalThis as { reconnectDatabase?: Promise<OpenDatabase> };

/**
 * The database of this process: opened when first needed, once, and only if its schema is the one this code
 * was built for.
 * @throws DatabaseError with a sentence for the operator
 */
export async function database(): Promise<Database> {
  return (await opened()).db;
}

/**
 * Runs `work` in one transaction of this process's database: all of it is committed, or none of it.
 * @throws whatever `work` throws, TimeLimitError when it takes too long, and DatabaseError as database does
 */
export async function transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
  const { result, changed } = await (await opened()).transaction((tx) => withChanges(tx, work));
  toBeAnnounced(changed);
  return result;
}

/**
 * How this process hears a NOTIFY of the database, or null where it cannot.
 * @throws DatabaseError as database does
 */
export async function listener(): Promise<Listen | null> {
  return (await opened()).listen;
}

async function opened(): Promise<OpenDatabase> {
  held.reconnectDatabase ??= openDatabase(env()).then(async (opened) => {
    try {
      await requireCurrentSchema(opened.db);
    } catch (error) {
      await opened.close();
      throw error;
    }
    return opened;
  });
  try {
    return await held.reconnectDatabase;
  } catch (error) {
    // A database that was away may be back for the next request.
    held.reconnectDatabase = undefined;
    throw error;
  }
}
