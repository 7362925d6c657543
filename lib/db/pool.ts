import "server-only";
import {
  createTableRelationsHelpers,
  extractTablesRelationalConfig,
  type ExtractTablesWithRelations,
} from "drizzle-orm";
import { NodePgDatabase, NodePgSession } from "drizzle-orm/node-postgres";
import { PgDialect } from "drizzle-orm/pg-core";
import type { PoolClient as PgClient } from "pg";
import { describeError, log } from "@/lib/base/log";
import type { Database, OpenDatabase, Transaction } from "./database";
import { TimeLimitError, usualLimits, within, type Limits } from "./limits";
import type { Listening } from "./listen";
import { tables } from "@/lib/db/schema/tables";

type Query = (statement: unknown, values?: unknown[]) => Promise<unknown>;

/** One connection; the same object for as long as the connection lives. */
interface PoolClient {
  query: Query;
  release: (error?: Error) => void;
  on: (event: "error", heard: (error: Error) => void) => unknown;
  /** Present on a real connection: closes it without waiting for the server. */
  connection?: { stream: { destroy: () => unknown } };
}

interface ClientPool {
  connect: () => Promise<PoolClient>;
  end: () => Promise<void>;
  on: {
    (event: "error", heard: (error: Error) => void): unknown;
    (event: "connect", heard: (client: PoolClient) => void): unknown;
  };
}

/**
 * A database on top of a connection pool: pg's, Neon's, or a simulated one. Nothing waits longer than its
 * limit. A client on which anything failed or timed out is destroyed instead of reused, because there is no
 * way to know what it is still doing.
 *
 * The pool must offer `connect()`, which lends a client until its `release(error?)` (with an error, the
 * client is discarded), `end()`, and `on("error" | "connect", …)`. A client must offer `on("error", …)`,
 * `query(config, values)` as drizzle's node-postgres driver calls it (`{ text, rowMode?, types }`, answered
 * with `{ rows }`), and `query(text)` with one or more statements and no values; the answer to `commit` has
 * the `command` that was executed, COMMIT or ROLLBACK. A client answers in the order in which it was queried.
 */
export function openPool(
  pool: ClientPool,
  listening: Listening | null = null,
  limits: Limits = usualLimits,
): OpenDatabase {
  logLostConnections(pool);
  const { checkOut, ask, isBusy } = watchClients(pool, limits);

  const query: Query = async (statement, values) => {
    const client = await checkOut();
    try {
      const answer = await ask(client, limits.queryMs, statement, values);
      client.release();
      return answer;
    } catch (error) {
      destroy(client, error);
      throw error;
    }
  };

  async function transaction<T>(work: (tx: Transaction) => Promise<T>, bounds: Limits = limits): Promise<T> {
    const client = await checkOut();
    let over = false;
    // By then another transaction may be using this client, so late queries from `work` must not reach it.
    const inside: Query = async (statement, values) => {
      if (over) throw new Error("This transaction is over");
      return ask(client, bounds.queryMs, statement, values);
    };
    const run = async () => {
      await inside(`begin; ${settings("set local", bounds)}`);
      const result = await work(drizzleOn(inside));
      const done = (await inside("commit")) as { command?: string };
      // The server answers a commit with ROLLBACK if a statement failed and `work` ignored it.
      if (done.command === "ROLLBACK")
        throw new Error("The transaction was rolled back because one of its statements failed");
      return result;
    };
    try {
      const result = await within(bounds.transactionMs, "A transaction", run());
      over = true;
      client.release();
      return result;
    } catch (error) {
      over = true;
      destroy(client, error);
      throw error;
    }
  }

  return {
    db: drizzleOn(query),
    transaction,
    isBusy,
    listen: listening?.listen ?? null,
    close: () => Promise.all([pool.end(), listening?.end()]).then(() => undefined),
  };
}

/** Lends out clients that are known to be healthy, and runs their queries within the limits. */
function watchClients(pool: ClientPool, limits: Limits) {
  /** Numbers queries and answers to record their order. */
  let count = 0;
  const answered = new WeakMap<PoolClient, number>();
  /**
   * The point at which a connection last fell silent; clients that haven't answered since are suspect too.
   */
  let silentSince = 0;
  let answeredAt = 0;
  /** When each caller began to wait for a client, the first one first. */
  const waiting = new Set<{ since: number }>();

  async function ask(
    client: PoolClient,
    limitMs: number,
    statement: unknown,
    values?: unknown[],
  ): Promise<unknown> {
    const asked = ++count;
    try {
      const answer = await within(limitMs, "A query", client.query(statement, values));
      answered.set(client, ++count);
      answeredAt = Date.now();
      return answer;
    } catch (error) {
      if (error instanceof TimeLimitError) silentSince = Math.max(silentSince, asked);
      throw error;
    }
  }

  async function connect(): Promise<PoolClient> {
    const own = { since: Date.now() };
    waiting.add(own);
    return within(limits.connectMs, "Waiting for a database connection", pool.connect(), (late) =>
      late.release(),
    ).finally(() => waiting.delete(own));
  }

  function isBusy(ms: number): boolean {
    const [first] = waiting;
    const before = Date.now() - ms;
    return first !== undefined && first.since <= before && answeredAt > before;
  }

  async function checkOut(): Promise<PoolClient> {
    for (;;) {
      const client = await connect();
      const last = answered.get(client);
      if (last !== undefined && last >= silentSince) return client;
      if (last === undefined) return prepare(client);
      destroy(client, new Error("Another connection fell silent after this one was last used"));
    }
  }

  /** Set with a first statement rather than as connection parameters, which poolers reject. */
  async function prepare(client: PoolClient): Promise<PoolClient> {
    try {
      await ask(client, limits.connectMs, settings("set", limits));
      return client;
    } catch (error) {
      destroy(client, error);
      throw error;
    }
  }

  return { checkOut, ask, isBusy };
}

/**
 * Each transaction sets these again: behind a pooler it may run on a server connection that never got them.
 */
function settings(set: "set" | "set local", { statementMs, lockMs, idleMs }: Limits): string {
  return `${set} statement_timeout = ${statementMs}; ${set} lock_timeout = ${lockMs}; ${set} idle_in_transaction_session_timeout = ${idleMs}`;
}

function destroy(client: PoolClient, error: unknown): void {
  client.release(error instanceof Error ? error : new Error(String(error)));
  // A graceful end would wait for the server, which may be gone.
  client.connection?.stream.destroy();
}

/** The relations between all tables, which take too long to work out again in each transaction. */
const relations = extractTablesRelationalConfig<ExtractTablesWithRelations<typeof tables>>(
  tables,
  createTableRelationsHelpers,
);
const dialect = new PgDialect();
const schema = { fullSchema: tables, schema: relations.tables, tableNamesMap: relations.tableNamesMap };

/** The parts of a client that drizzle uses, the same for every driver. */
function drizzleOn(query: Query): Database {
  const client = { query } as unknown as PgClient;
  const session = new NodePgSession(client, dialect, schema);
  return Object.assign(new NodePgDatabase(dialect, session, schema), { $client: client });
}

/** Clients in use need a handler too: an unhandled error event would end the process. */
function logLostConnections(pool: ClientPool) {
  const report = (error: Error) => log.warn(describeError(error), "A database connection was lost");
  pool.on("error", report);
  pool.on("connect", (client) => client.on("error", report));
}
