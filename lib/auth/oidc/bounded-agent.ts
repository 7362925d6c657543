import "server-only";
import http, { type ClientRequest } from "node:http";
import https from "node:https";
import type { Socket } from "node:net";

const checkEveryMs = 100;

type Method<Args extends unknown[], Result> = (...args: Args) => Result;

/**
 * An agent whose connections end after a total time and a total size, whatever the other side sends. The
 * timeouts that clients offer only limit silence.
 * @param url what is called; an agent for HTTPS refuses to call anything else
 */
export function boundedAgent(
  url: string,
  { ms, bytes }: { ms: number; bytes: number } = { ms: 8_000, bytes: 1024 * 1024 },
): http.Agent {
  const agent: http.Agent = new (url.startsWith("https:") ? https : http).Agent();
  extend<unknown[], Socket>(agent, "createConnection", (connect) => (...args) => {
    const socket = connect(...args);
    const startedAt = performance.now();
    const watch = setInterval(() => {
      if (performance.now() - startedAt > ms || socket.bytesRead > bytes) socket.destroy();
    }, checkEveryMs);
    socket.once("close", () => clearInterval(watch));
    return socket;
  });
  // openid-client listens for errors only until the answer begins; one after that would end this process.
  extend<[ClientRequest, ...unknown[]], unknown>(agent, "addRequest", (add) => (request, ...rest) => {
    request.on("error", () => undefined);
    return add(request, ...rest);
  });
  return agent;
}

function extend<Args extends unknown[], Result>(
  agent: http.Agent,
  name: string,
  around: (method: Method<Args, Result>) => Method<Args, Result>,
) {
  const method = Reflect.get(agent, name) as Method<Args, Result>;
  Reflect.set(agent, name, around(method.bind(agent)));
}
