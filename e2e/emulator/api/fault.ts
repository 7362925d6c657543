import { setTimeout as sleep } from "node:timers/promises";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { MiddlewareHandler } from "hono";
import { type Endpoint, type Fault, takeFault } from "../faults";
import type { World } from "../world";
import type { ApiContext, ApiEnv } from "./context";
import { ApiError, throttled } from "./errors";

/** Names the endpoint and lets a planned fault happen before it answers, or in place of its answer. */
export function faulty(world: World, endpoint: Endpoint): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const fault = takeFault(world, endpoint, c.get("userId"));
    if (!fault) return next();
    if (fault.after) await next();
    if (fault.kind === "delay") {
      await sleep(fault.delayMs ?? 1000);
      if (!fault.after) await next();
      return;
    }
    const answer = await brokenAnswer(fault, c);
    c.res = undefined;
    c.res = answer;
  };
}

async function brokenAnswer(fault: Fault, c: ApiContext): Promise<Response> {
  switch (fault.kind) {
    case "rate_limited":
      return rateLimited(fault.retryAfterSeconds ?? 7);
    case "html502":
      return new Response("<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>", {
        status: 502,
        headers: { "Content-Type": "text/html" },
      });
    case "malformed":
      return Response.json({ unexpected: { shape: true } });
    case "empty_list":
      return Response.json([]);
    case "hang":
      await new Promise((resolve) => c.env.incoming.socket.once("close", resolve));
      return RESPONSE_ALREADY_SENT;
    case "reset":
      c.env.incoming.socket.resetAndDestroy();
      return RESPONSE_ALREADY_SENT;
    default:
      return new ApiError(fault.status ?? 500, fault.code ?? "1000", "Encountered an unexpected exception.").toResponse();
  }
}

function rateLimited(seconds: number): Response {
  const answer = throttled(seconds).toResponse();
  answer.headers.set("X-RateLimit-Reset", String(seconds));
  return answer;
}
