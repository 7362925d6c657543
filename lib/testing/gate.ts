import { createServer, request, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll } from "vitest";
import { currentRequestId } from "@/lib/base/request-id";
import type { DatabaseState } from "@/lib/db/usable";
import { installGate } from "@/lib/server/gate";
import { testSettings } from "./unique";

interface Sent {
  method?: string;
  path?: string;
  headers?: Record<string, string>;
  chunks?: Buffer[];
  from?: string;
}

export const origin = "https://app.example.com";
export const chunked = { Origin: origin, "Transfer-Encoding": "chunked" };

/** A server behind the gate, which answers whatever passes with "taken". */
export function withGate() {
  Object.assign(process.env, testSettings, { APP_URL: origin, TRUSTED_PROXIES: "127.0.0.1" });
  const seen: { bytes: number; headers: Record<string, unknown>; requestId: string | undefined }[] = [];
  const database = {
    state: "usable" as DatabaseState,
    /** Resolves before the gate learns the state. */
    asked: Promise.resolve(),
  };
  let server: Server;

  beforeAll(async () => {
    // Created before the gate, as Next does with its own.
    server = createServer({ connectionsCheckingInterval: 50 }, (incoming, answer) => {
      let bytes = 0;
      const requestId = currentRequestId();
      incoming.on("data", (chunk: Buffer) => (bytes += chunk.length));
      incoming.on("end", () => {
        seen.push({ bytes, headers: incoming.headers, requestId });
        answer.end("taken");
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    installGate({ headersMs: 300, requestMs: 1_000 }, () => database.asked.then(() => database.state));
  });
  afterAll(() => server.close());

  const port = () => (server.address() as AddressInfo).port;

  function send({
    method = "POST",
    path = "/",
    headers = {},
    chunks = [],
    from = "127.0.0.1",
  }: Sent): Promise<{ status: number; body: string; headers: IncomingHttpHeaders }> {
    return new Promise((resolve, reject) => {
      const outgoing = request(
        { port: port(), host: "127.0.0.1", localAddress: from, method, path, headers },
        (answer) => {
          let body = "";
          answer.on("data", (chunk: Buffer) => (body += chunk.toString()));
          answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body, headers: answer.headers }));
        },
      );
      outgoing.on("error", reject);
      for (const chunk of chunks) outgoing.write(chunk);
      outgoing.end();
    });
  }

  return { send, seen, database, port, server: () => server };
}
