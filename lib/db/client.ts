import "server-only";
import path from "node:path";
import { Pool } from "pg";
import { env } from "@/lib/base/env";
import { countCommitted } from "@/lib/base/telemetry";
import { toBeAnnounced, withChanges, type Afterwards } from "./changes";
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
 * Opens the database in DATABASE_URL with the matching driver: PGlite, pg, or Neon over a WebSocket.
 * @throws DatabaseError when an embedded folder is in use, damaged, or from a newer version
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

// Development reloads this module; the open database must survive that.
const held = globalThis as { reconnectDatabase?: Promise<OpenDatabase> };

/**
 * This process's database, opened once when first needed, and only if its schema matches this code.
 * @throws DatabaseError with an explanation for the operator
 */
export async function database(): Promise<Database> {
  return (await opened()).db;
}

/**
 * Runs `work` in one transaction of this process's database: either all of it is committed or none of it.
 * @throws whatever `work` throws, TimeLimitError when it takes too long, and DatabaseError like database
 */
export async function transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
  const after: Afterwards = { changed: [], then: new Set() };
  try {
    const here = await opened();
    return await countCommitted(() => here.transaction((tx) => withChanges(tx, work, after)));
  } finally {
    // Even after an error: the commit may have succeeded although its answer was lost.
    toBeAnnounced(after.changed);
    for (const then of after.then) then();
  }
}

/**
 * Whether the database answers and only a free connection is missing (OpenDatabase.isBusy).
 * @throws DatabaseError like database
 */
export async function isBusy(ms: number): Promise<boolean> {
  return (await opened()).isBusy(ms);
}

/**
 * Subscribes this process to the database's NOTIFY, or is null if the driver can't LISTEN.
 * @throws DatabaseError like database
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
    // An unreachable database may be back for the next request.
    held.reconnectDatabase = undefined;
    throw error;
  }
}
