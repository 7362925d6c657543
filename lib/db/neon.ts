import "server-only";
import { Client, neonConfig, Pool } from "@neondatabase/serverless";
import type { PoolConfig } from "pg";
import { WebSocket } from "ws";

/** Neon's pool over WebSockets: directly to a Neon server, or through `proxy` to any other server. */
export function neonPool(options: PoolConfig, proxy: string | undefined): Pool {
  neonConfig.webSocketConstructor = PromptWebSocket;
  if (proxy) {
    neonConfig.wsProxy = proxy;
    neonConfig.useSecureWebSocket = false;
    neonConfig.pipelineTLS = false;
    neonConfig.pipelineConnect = false;
  }
  const pool = new Pool(options);
  pool.Client = PromptClient;
  return pool;
}

/**
 * Neon's client never finishes `end()` after its connection is lost, and the pool would wait for it forever.
 */
class PromptClient extends Client {
  private lost = false;

  constructor(...settings: ConstructorParameters<typeof Client>) {
    super(...settings);
    this.connection.once("end", () => (this.lost = true));
  }

  override async end(done?: (error: Error) => void) {
    if (!this.lost) await new Promise((resolve) => super.end(resolve));
    (done as (() => void) | undefined)?.();
  }
}

/** Closes within a second; a graceful close waits half a minute for a server that is gone. */
class PromptWebSocket extends WebSocket {
  override close(...reason: Parameters<WebSocket["close"]>) {
    super.close(...reason);
    setTimeout(() => this.terminate(), 1_000).unref();
  }
}
