import "server-only";
import { Client } from "pg";
import { describeError, log } from "@/lib/base/log";
import { usualLimits, within, type Limits } from "./limits";

/**
 * Calls `heard` with the payload of each NOTIFY on a channel, and with null whenever some may have been
 * missed. It never fails: a lost connection is reopened, however long that takes.
 * @returns a check of whether it is listening right now; callers that must not miss a change poll while it
 * isn't
 */
export type Listen = (channel: string, heard: Heard) => () => boolean;

type Heard = (payload: string | null) => void;

export interface Listening {
  listen: Listen;
  end: () => Promise<void>;
}

interface Ear {
  hears: boolean;
  heard: Set<Heard>;
}

const firstPauseMs = 1_000;
const maxPauseMs = 30_000;
/** Queries the connection regularly, to notice when it died silently. */
const checkMs = 10_000;

/**
 * LISTEN outside the pool: one connection per channel, however many callers listen and however often it was
 * lost.
 */
export function listenWithPg(connectionString: string, limits: Limits = usualLimits): Listening {
  const ears = new Map<string, Ear>();
  const clients = new Set<Client>();
  let ended = false;
  const isOver = () => ended;

  async function keepListening(channel: string, ear: Ear): Promise<void> {
    for (let failures = 0; !isOver(); failures++) {
      const client = new Client({
        connectionString,
        keepAlive: true,
        connectionTimeoutMillis: limits.connectMs,
      });
      clients.add(client);
      const lost = new Promise<true>((resolve) => client.once("end", () => resolve(true)));
      try {
        await connect(client, channel, ear);
        failures = 0;
        await stayConnected(client, lost);
      } catch (error) {
        log.warn({ ...describeError(error), failures }, "The LISTEN connection to the database was lost");
      }
      ear.hears = false;
      close(client);
      if (!isOver()) await pause(Math.min(maxPauseMs, firstPauseMs * 2 ** failures));
    }
  }

  async function connect(client: Client, channel: string, ear: Ear): Promise<void> {
    const pass = (payload: string | null) => {
      for (const heard of ear.heard) heard(payload);
    };
    client.on("error", () => undefined);
    client.on("notification", ({ payload }) => pass(payload ?? null));
    await within(limits.connectMs, "Connecting in order to listen", client.connect());
    await within(limits.queryMs, "LISTEN", client.query(`listen ${client.escapeIdentifier(channel)}`));
    ear.hears = true;
    pass(null);
  }

  async function stayConnected(client: Client, lost: Promise<true>): Promise<void> {
    while (!(await Promise.race([lost, pause(checkMs)])))
      await within(limits.connectMs, "The connection that listens", client.query("select 1"));
  }

  /** Without waiting for the other side, which may be gone. */
  function close(client: Client): void {
    clients.delete(client);
    void client.end().catch(() => undefined);
    client.connection.stream.destroy();
  }

  return {
    listen(channel, heard) {
      const ear = ears.get(channel) ?? { hears: false, heard: new Set() };
      ear.heard.add(heard);
      if (!ears.has(channel)) void keepListening(channel, ear);
      ears.set(channel, ear);
      return () => ear.hears;
    },
    end() {
      ended = true;
      clients.forEach(close);
      return Promise.resolve();
    },
  };
}

const pause = (ms: number) => new Promise<false>((resolve) => setTimeout(() => resolve(false), ms).unref());
