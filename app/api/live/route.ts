import { getCaller } from "@/lib/auth/user";
import { networkOf } from "@/lib/base/client-address";
import { take } from "@/lib/limits";
import { follow } from "@/lib/live";
import { clientAddressHeader } from "@/lib/server/gate";
import { isShuttingDown, onShutdown } from "@/lib/server/shutdown";

/**
 * In seconds, for platforms that limit functions. They cut the stream off then, and the browser reconnects.
 */
export const maxDuration = 300;

/** The browser reconnects by itself, and the new request checks who is signed in. */
const maxMs = 10 * 60_000;
const heartbeatMs = 25_000;
/** How soon open pages reconnect while the server restarts. */
const retryMs = 1_000;

/**
 * Server-sent events for the signed-in person: `changed` carries the version of what their pages show, once
 * at the start and then whenever it increases. Revoking the session ends its streams. Versions are all that a fix
 * session's visitor learns here, and only until their session ends.
 */
export async function GET(request: Request) {
  const caller = await getCaller();
  if (!caller) return new Response("Signed out\n", { status: 401 });
  if (isShuttingDown())
    return new Response("Restarting\n", {
      status: 503,
      headers: { "Retry-After": "1", Connection: "close" },
    });

  const wait = await waitOf(caller.user.id, networkOf(request.headers.get(clientAddressHeader)), new Date());
  if (wait > 0) return tooMany(wait);

  const lines = new TransformStream<string, Uint8Array>({
    transform: (line, out) => out.enqueue(Buffer.from(line)),
  });
  const writer = lines.writable.getWriter();
  const write = (line: string) => void writer.write(line).catch(() => undefined);
  const revoked = new AbortController();
  const unfollow = await follow(caller.user.id, (version) => write(`event: changed\ndata: ${version}\n\n`), {
    id: caller.sessionId,
    onEnd: () => revoked.abort(),
  });
  if (!unfollow) return tooMany(30);

  const heartbeat = setInterval(() => write(": still here\n\n"), heartbeatMs);
  const leftMs = caller.expiresAt ? caller.expiresAt.getTime() - Date.now() : maxMs;
  const limit = setTimeout(end, Math.min(maxMs, Math.max(0, leftMs)));
  const offShutdown = onShutdown(() => {
    write(`retry: ${retryMs}\n\n`);
    end();
  });
  writer.closed.catch(() => undefined).finally(end);
  for (const signal of [request.signal, revoked.signal]) {
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
  }
  function end() {
    clearInterval(heartbeat);
    clearTimeout(limit);
    offShutdown();
    unfollow?.();
    writer.close().catch(() => undefined);
  }
  return new Response(lines.readable, {
    headers: {
      "Content-Type": "text/event-stream",
      "Cache-Control": "no-store",
      "X-Accel-Buffering": "no",
      Connection: "close",
    },
  });
}

const tooMany = (seconds: number) =>
  new Response("Too many open pages\n", { status: 429, headers: { "Retry-After": String(seconds) } });

async function waitOf(userId: string, network: string | null, now: Date): Promise<number> {
  // The person's first: what it refuses takes nothing from others at the same address.
  const byPerson = await take("live stream by person", userId, now);
  return byPerson || (network === null ? 0 : take("live stream by address", network, now));
}
