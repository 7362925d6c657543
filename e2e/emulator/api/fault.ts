import type { MiddlewareHandler } from "hono";
import type { Endpoint } from "../world/fault-input";
import { takeFault } from "../world/faults";
import type { Fault, World } from "../world/model";
import type { ApiContext, ApiEnv } from "./context";
import { ApiError, throttled } from "./errors";
import { loseAnswer, neverAnswer } from "./lost-answer";

const usualMs = 1000;

/** Tags a route with its endpoint name, and applies a planned fault before or instead of its answer. */
export function faulty(world: World, endpoint: Endpoint): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const fault = takeFault(world, endpoint, c.get("userId"));
    if (!fault) return next();
    switch (fault.kind) {
      case "delay":
        if (fault.after) await next();
        await world.sleep(fault.delayMs ?? usualMs);
        if (!fault.after) await next();
        return;
      case "overtaken":
        await next();
        if (fault.dated === "computation") c.set("dated", world.now(world.users.get(c.get("userId") ?? "")));
        await world.sleep(fault.delayMs ?? usualMs);
        return;
      case "drip":
        await next();
        replace(c, await dripping(world, c.res, fault.delayMs ?? usualMs));
        return;
      default:
        if (fault.after) await next();
        replace(c, await brokenAnswer(fault, c));
    }
  };
}

/** Without this, Hono would merge in the original answer's headers. */
function replace(c: ApiContext, answer: Response) {
  c.res = undefined;
  c.res = answer;
}

async function brokenAnswer(fault: Fault, c: ApiContext): Promise<Response> {
  switch (fault.kind) {
    case "rate_limited":
      return throttled(fault.retryAfterSeconds ?? 7).toResponse();
    case "html502":
      return new Response(
        "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>",
        {
          status: 502,
          headers: { "Content-Type": "text/html" },
        },
      );
    case "malformed":
      return Response.json({ unexpected: { shape: true } });
    case "empty_list":
      return Response.json([]);
    case "hang":
      return neverAnswer(c);
    case "reset":
      return loseAnswer(c);
    default:
      return new ApiError(
        fault.status ?? 500,
        fault.code ?? "1000",
        "Encountered an unexpected exception.",
      ).toResponse();
  }
}

/** Sends the headers at once and the body byte by byte. */
async function dripping(world: World, answer: Response, byteMs: number): Promise<Response> {
  const bytes = new Uint8Array(await answer.arrayBuffer());
  let sent = 0;
  let takeBack: (() => void) | undefined;
  const body = new ReadableStream<Uint8Array>({
    pull: (stream) =>
      new Promise((resolve) => {
        takeBack = world.outside.after(byteMs, () => {
          stream.enqueue(bytes.slice(sent, ++sent));
          if (sent >= bytes.length) stream.close();
          resolve();
        });
      }),
    cancel: () => takeBack?.(),
  });
  return new Response(body, { status: answer.status, headers: answer.headers });
}
