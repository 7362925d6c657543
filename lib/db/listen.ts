import "server-only";
import { Client } from "pg";
import { describeError, log } from "@/lib/log";

/** Calls `heard` for each NOTIFY on a channel from now on; resolves once it listens. */
export type Listen = (channel: string, heard: () => void) => Promise<void>;

export interface Listening {
  listen: Listen;
  end: () => Promise<void>;
}

const againMs = 1_000;

/**
 * LISTEN on a connection of its own, apart from the pool. When it is lost it is made again, and `heard` is called then,
 * since what was told in between is lost.
 */
export function listenWithPg(connectionString: string): Listening {
  const clients = new Set<Client>();
  let ended = false;

  async function connect(channel: string, heard: () => void): Promise<void> {
    const client = new Client({ connectionString, keepAlive: true, connectionTimeoutMillis: 5_000 });
    clients.add(client);
    client.on("notification", heard);
    client.once("end", () => {
      clients.delete(client);
      if (!ended) setTimeout(() => void again(channel, heard), againMs).unref();
    });
    client.on("error", (error) => log.warn(describeError(error), "The database connection that listens was lost"));
    await client.connect();
    await client.query(`listen ${client.escapeIdentifier(channel)}`);
  }

  async function again(channel: string, heard: () => void): Promise<void> {
    if (ended) return;
    // A connection that failed has ended, and its end tries again.
    await connect(channel, heard).then(heard, () => undefined);
  }

  return {
    listen: connect,
    async end() {
      ended = true;
      await Promise.all([...clients].map((client) => client.end()));
    },
  };
}
