import "server-only";
import path from "node:path";
import { neonConfig, Pool as NeonPool } from "@neondatabase/serverless";
import { drizzle as drizzleNeon } from "drizzle-orm/neon-serverless";
import { drizzle as drizzlePg } from "drizzle-orm/node-postgres";
import { Pool } from "pg";
import ws from "ws";
import { env } from "@/lib/env";
import { describeError, log } from "@/lib/log";
import type { Database, OpenDatabase, Transaction } from "./database";
import { listenWithPg, type Listen } from "./listen";
import { requireCurrentSchema } from "./migrate";
import { openPglite } from "./pglite";
import { tables } from "./tables";

type Settings = Pick<ReturnType<typeof env>, "DATABASE_URL" | "DATABASE_DRIVER" | "NEON_WS_PROXY">;

const poolSize = 10;
/** A server that hangs must not hold a connection of the pool for ever. */
const queryTimeoutMs = 15_000;

/**
 * Opens the database that DATABASE_URL names with the driver that fits it: PGlite, pg, or Neon's over a WebSocket.
 * @throws DatabaseError when an embedded folder is in use, damaged or from a newer version
 */
export async function openDatabase(settings: Settings): Promise<OpenDatabase> {
  const { DATABASE_URL: url } = settings;
  if (url.startsWith("pglite:")) return openPglite(path.resolve(/* turbopackIgnore: true */ url.slice("pglite:".length)));
  if (usesNeon(settings)) return openNeon(url, settings.NEON_WS_PROXY);
  const pool = new Pool({ connectionString: url, max: poolSize, connectionTimeoutMillis: 5_000, query_timeout: queryTimeoutMs, keepAlive: true });
  hearLostConnections(pool);
  const { listen, end } = listenWithPg(url);
  const db = drizzlePg(pool, { schema: tables });
  return { db, transaction: (work) => db.transaction(work), listen, close: () => Promise.all([pool.end(), end()]).then(() => undefined) };
}

function usesNeon({ DATABASE_URL, DATABASE_DRIVER }: Settings): boolean {
  if (DATABASE_DRIVER) return DATABASE_DRIVER === "neon";
  return new URL(DATABASE_URL).hostname.endsWith(".neon.tech");
}

function openNeon(url: string, proxy: string | undefined): OpenDatabase {
  neonConfig.webSocketConstructor = ws;
  if (proxy) {
    neonConfig.wsProxy = proxy;
    neonConfig.useSecureWebSocket = false;
    neonConfig.pipelineTLS = false;
    neonConfig.pipelineConnect = false;
  }
  const pool = new NeonPool({ connectionString: url, max: poolSize });
  hearLostConnections(pool);
  const db = drizzleNeon(pool, { schema: tables });
  return { db, transaction: (work) => db.transaction(work), listen: null, close: () => pool.end() };
}

/** Also those that are in use: an error that nobody hears would end the process. */
function hearLostConnections(pool: Pool | NeonPool) {
  const note = (error: Error) => log.warn(describeError(error), "A database connection was lost");
  pool.on("error", note);
  pool.on("connect", (client: { on: (event: "error", heard: (error: Error) => void) => void }) => client.on("error", note));
}

// Development reloads this module; the open database must outlive that.
const held = globalThis as { reconnectDatabase?: Promise<OpenDatabase> };

/**
 * The database of this process: opened when first needed, once, and only if its schema is the one this code was built for.
 * @throws DatabaseError with a sentence for the operator
 */
export async function database(): Promise<Database> {
  return (await opened()).db;
}

/**
 * Runs `work` in one transaction of this process's database: all of it is committed, or none of it.
 * @throws whatever `work` throws, and DatabaseError as database does
 */
export async function transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
  return (await opened()).transaction(work);
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
    await requireCurrentSchema(opened.db);
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
