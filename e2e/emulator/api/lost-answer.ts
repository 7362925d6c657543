import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { ApiContext } from "./context";

/** Thrown to an in-process caller where a remote one would see the connection drop. */
export class AnswerLost extends Error {
  constructor() {
    super("The connection was cut.");
  }
}

/** Drops the connection instead of answering. */
export function loseAnswer(c: ApiContext): Response {
  if (!c.env) throw new AnswerLost();
  c.env.incoming.socket.resetAndDestroy();
  return RESPONSE_ALREADY_SENT;
}

/** Never answers; resolves only when the caller gives up. */
export async function neverAnswer(c: ApiContext): Promise<Response> {
  const { env } = c;
  if (env) {
    await new Promise((resolve) => env.incoming.socket.once("close", resolve));
    return RESPONSE_ALREADY_SENT;
  }
  await new Promise((resolve) => c.req.raw.signal.addEventListener("abort", resolve, { once: true }));
  throw new AnswerLost();
}
