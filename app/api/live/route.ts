import { getUser } from "@/lib/auth/user";
import { follow } from "@/lib/live";
import { isShuttingDown, onShutdown } from "@/lib/server/shutdown";

/** In seconds, for platforms that limit functions; the stream is then cut, and the browser reconnects. */
export const maxDuration = 300;

/** The browser reconnects by itself, and the new request checks who is signed in. */
const maxMs = 10 * 60_000;
const heartbeatMs = 25_000;
/** How soon open pages reconnect while the server restarts. */
const retryMs = 1_000;

/**
 * Server-sent events for the signed-in person: `changed` carries the version of what their pages show, once
 * at the start and then each time it grows.
 */
export async function GET(request: Request) {
  const user = await getUser();
  if (!user) return new Response("Signed out\n", { status: 401 });
  if (isShuttingDown())
    return new Response("Restarting\n", {
      status: 503,
      headers: { "Retry-After": "1", Connection: "close" },
    });

  const lines = new TransformStream<string, Uint8Array>({
    transform: (line, out) => out.enqueue(Buffer.from(line)),
  });
  const writer = lines.writable.getWriter();
  const write = (line: string) => void writer.write(line).catch(() => undefined);
  const unfollow = await follow(user.id, (version) => write(`event: changed\ndata: ${version}\n\n`));
  if (!unfollow)
    return new Response("Too many open pages\n", { status: 429, headers: { "Retry-After": "30" } });

  const heartbeat = setInterval(() => write(": still here\n\n"), heartbeatMs);
  const limit = setTimeout(end, maxMs);
  const offShutdown = onShutdown(() => {
    write(`retry: ${retryMs}\n\n`);
    end();
  });
  writer.closed.catch(() => undefined).finally(end);
  request.signal.addEventListener("abort", end);
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
