import "server-only";
import { drizzle } from "drizzle-orm/node-postgres";
import type { PoolClient as PgClient } from "pg";
import { describeError, log } from "@/lib/log";
import type { Database, OpenDatabase, Transaction } from "./database";
import { TimeLimitError, usualLimits, within, type Limits } from "./limits";
import type { Listening } from "./listen";
import { tables } from "./tables";

type Query = (statement: unknown, values?: unknown[]) => Promise<unknown>;

/** One connection; the same object for as long as it lives. */
export interface PoolClient {
  query: Query;
  release: (error?: Error) => void;
  on: (event: "error", heard: (error: Error) => void) => unknown;
  /** Of a real connection: ends it without waiting for the other side. */
  connection?: { stream: { destroy: () => unknown } };
}

export interface ClientPool {
  connect: () => Promise<PoolClient>;
  end: () => Promise<void>;
  on: {
    (event: "error", heard: (error: Error) => void): unknown;
    (event: "connect", heard: (client: PoolClient) => void): unknown;
  };
}

/**
 * A database out of a pool of connections: pg's, Neon's, or a simulated one. Nothing waits longer than its limit, and a client with which
 * anything failed or took too long is destroyed rather than given back, since nobody can tell what it is still busy with.
 *
 * The pool must offer `connect()`, which lends a client until its `release(error?)` (with an error: for good), `end()`, and
 * `on("error" | "connect", …)`. A client must offer `on("error", …)`, `query(config, values)` as drizzle's node-postgres driver calls it
 * (`{ text, rowMode?, types }`, answered by `{ rows }`), and `query(text)` with one or several statements and no values; the answer to
 * `commit` has the `command` that was done, COMMIT or ROLLBACK. A client answers in the order in which it was asked.
 */
export function openPool(pool: ClientPool, listening: Listening | null = null, limits: Limits = usualLimits): OpenDatabase {
  hearLostConnections(pool);
  const { checkOut, ask } = watchClients(pool, limits);

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
    // Whatever `work` still does after the end must not reach a client that may be somebody else's by then.
    const inside: Query = async (statement, values) => {
      if (over) throw new Error("This transaction is over");
      return ask(client, bounds.queryMs, statement, values);
    };
    const run = async () => {
      await inside(`begin; ${settings("set local", bounds)}`);
      const result = await work(drizzleOn(inside));
      const done = (await inside("commit")) as { command?: string };
      // The server's answer when a statement failed and `work` went on as if nothing were.
      if (done.command === "ROLLBACK") throw new Error("The transaction was rolled back, since one of its statements had failed");
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
    listen: listening?.listen ?? null,
    close: () => Promise.all([pool.end(), listening?.end()]).then(() => undefined),
  };
}

/** Lends clients that can be trusted, and asks them within limits. */
function watchClients(pool: ClientPool, limits: Limits) {
  /** Counts questions and answers, to tell what came before what. */
  let count = 0;
  const answered = new WeakMap<PoolClient, number>();
  /** A connection was silent from here on: those that have not answered since then are as suspect. */
  let silentSince = 0;

  async function ask(client: PoolClient, limitMs: number, statement: unknown, values?: unknown[]): Promise<unknown> {
    const asked = ++count;
    try {
      const answer = await within(limitMs, "A query", client.query(statement, values));
      answered.set(client, ++count);
      return answer;
    } catch (error) {
      if (error instanceof TimeLimitError) silentSince = Math.max(silentSince, asked);
      throw error;
    }
  }

  async function checkOut(): Promise<PoolClient> {
    for (;;) {
      const client = await within(limits.connectMs, "Waiting for a database connection", pool.connect(), (late) => late.release());
      const last = answered.get(client);
      if (last !== undefined && last >= silentSince) return client;
      if (last === undefined) return prepare(client);
      destroy(client, new Error("Another connection fell silent after this one was last used"));
    }
  }

  /** By a first statement rather than when connecting, since poolers refuse such parameters there. */
  async function prepare(client: PoolClient): Promise<PoolClient> {
    try {
      await ask(client, limits.connectMs, settings("set", limits));
      return client;
    } catch (error) {
      destroy(client, error);
      throw error;
    }
  }

  return { checkOut, ask };
}

/** Each transaction says it again for itself: behind a pooler it may run on a server's connection that never heard it. */
function settings(set: "set" | "set local", { statementMs, lockMs, idleMs }: Limits): string {
  return `${set} statement_timeout = ${statementMs}; ${set} lock_timeout = ${lockMs}; ${set} idle_in_transaction_session_timeout = ${idleMs}`;
}

function destroy(client: PoolClient, error: unknown): void {
  client.release(error instanceof Error ? error : new Error(String(error)));
  // A polite end waits for the other side, which may be gone.
  client.connection?.stream.destroy();
}

/** drizzle needs no more of its client than this, whichever driver is behind it. */
function drizzleOn(query: Query): Database {
  return drizzle({ query } as unknown as PgClient, { schema: tables });
}

/** Also those that are in use: an error that nobody hears would end the process. */
function hearLostConnections(pool: ClientPool) {
  const note = (error: Error) => log.warn(describeError(error), "A database connection was lost");
  pool.on("error", note);
  pool.on("connect", (client) => client.on("error", note));
}
