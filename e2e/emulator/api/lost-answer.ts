import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { ApiContext } from "./context";

/** What a caller within the process gets where one outside finds the connection cut. */
export class AnswerLost extends Error {
  constructor() {
    super("The connection was cut.");
  }
}

/** Cuts the connection in place of an answer. */
export function loseAnswer(c: ApiContext): Response {
  if (!c.env) throw new AnswerLost();
  c.env.incoming.socket.resetAndDestroy();
  return RESPONSE_ALREADY_SENT;
}

/** Answers nothing until the caller gives up. */
export async function neverAnswer(c: ApiContext): Promise<Response> {
  const { env } = c;
  if (env) {
    await new Promise((resolve) => env.incoming.socket.once("close", resolve));
    return RESPONSE_ALREADY_SENT;
  }
  await new Promise((resolve) => c.req.raw.signal.addEventListener("abort", resolve, { once: true }));
  throw new AnswerLost();
}
