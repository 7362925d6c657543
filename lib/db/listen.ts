import "server-only";
import { Client } from "pg";
import { describeError, log } from "@/lib/base/log";
import { usualLimits, within, type Limits } from "./limits";

/**
 * Calls `heard` with the payload of each NOTIFY on a channel, and with null whenever some may have been
 * missed. Never fails: a lost connection is reopened, however long that takes.
 * @returns a function that reports whether it is listening right now; callers that must not miss a change
 * poll while it isn't
 */
export type Listen = (channel: string, heard: Heard) => () => boolean;

type Heard = (payload: string | null) => void;

export interface Listening {
  listen: Listen;
  end: () => Promise<void>;
}

interface Subscription {
  active: boolean;
  callbacks: Set<Heard>;
}

const firstPauseMs = 1_000;
const maxPauseMs = 30_000;
/** How often the connection is queried, to detect that it died silently. */
const checkMs = 10_000;
/** How often to check whether there is still a pooler, behind which LISTEN fails silently. */
const pooledPauseMs = 10 * 60_000;

/**
 * LISTEN outside the pool: one connection per channel, however many callers there are and however often it is
 * lost.
 */
export function listenWithPg(connectionString: string, limits: Limits = usualLimits): Listening {
  const subscriptions = new Map<string, Subscription>();
  const clients = new Set<Client>();
  let ended = false;
  const isOver = () => ended;

  async function keepListening(channel: string, subscription: Subscription): Promise<void> {
    for (let failures = 0; !isOver(); failures++) {
      const client = new Client({
        connectionString,
        keepAlive: true,
        connectionTimeoutMillis: limits.connectMs,
      });
      clients.add(client);
      const lost = new Promise<true>((resolve) => client.once("end", () => resolve(true)));
      try {
        if (await connect(client, channel, subscription)) {
          failures = 0;
          await stayConnected(client, lost);
        } else {
          log.info("A pooler is in front of the database, so open pages are served by one query a second");
          close(client);
          await pause(pooledPauseMs);
          continue;
        }
      } catch (error) {
        log.warn({ ...describeError(error), failures }, "The LISTEN connection to the database was lost");
      }
      subscription.active = false;
      close(client);
      if (!isOver()) await pause(Math.min(maxPauseMs, firstPauseMs * 2 ** failures));
    }
  }

  /** @returns false if a pooler answers, which would accept LISTEN and never pass on notifications */
  async function connect(client: Client, channel: string, subscription: Subscription): Promise<boolean> {
    const notify = (payload: string | null) => {
      for (const heard of subscription.callbacks) heard(payload);
    };
    client.on("error", () => undefined);
    client.on("notification", ({ payload }) => notify(payload ?? null));
    await within(limits.connectMs, "Connecting in order to listen", client.connect());
    if (!(await within(limits.queryMs, "Asking who answers", isServer(client)))) return false;
    await within(limits.queryMs, "LISTEN", client.query(`listen ${client.escapeIdentifier(channel)}`));
    subscription.active = true;
    notify(null);
    return true;
  }

  async function stayConnected(client: Client, lost: Promise<true>): Promise<void> {
    while (!(await Promise.race([lost, pause(checkMs)])))
      await within(limits.connectMs, "The connection that listens", client.query("select 1"));
  }

  /** Does not wait for the server, which may be gone. */
  function close(client: Client): void {
    clients.delete(client);
    void client.end().catch(() => undefined);
    client.connection.stream.destroy();
  }

  return {
    listen(channel, heard) {
      const subscription = subscriptions.get(channel) ?? { active: false, callbacks: new Set() };
      subscription.callbacks.add(heard);
      if (!subscriptions.has(channel)) void keepListening(channel, subscription);
      subscriptions.set(channel, subscription);
      return () => subscription.active;
    },
    end() {
      ended = true;
      clients.forEach(close);
      return Promise.resolve();
    },
  };
}

/** A pooler announces a process id that is no backend's, because its clients share the server's processes. */
async function isServer(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
  return rows[0]?.pid === Reflect.get(client, "processID");
}

const pause = (ms: number) => new Promise<false>((resolve) => setTimeout(() => resolve(false), ms).unref());
