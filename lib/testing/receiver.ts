import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll } from "vitest";

interface Received {
  headers: IncomingHttpHeaders;
  body: string;
  /** When it arrived. */
  at: number;
}

/** How the receiver answers one request. */
type Answer = (response: ServerResponse, received: Received) => void;

export const accept: Answer = (response) => response.writeHead(204).end();
export const fail =
  (status: number, headers: Record<string, string> = {}): Answer =>
  (response) =>
    response.writeHead(status, headers).end("Not now");

/** A server that keeps what is posted to it, by path, and answers as a test says; 204 unless it says more. */
export function withReceiver() {
  const received = new Map<string, Received[]>();
  const answers = new Map<string, Answer>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const path = request.url ?? "";
      const one = {
        headers: request.headers,
        body: Buffer.concat(chunks).toString("latin1"),
        at: Date.now(),
      };
      received.set(path, [...(received.get(path) ?? []), one]);
      (answers.get(path) ?? accept)(response, one);
    });
  });
  let origin = "";
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: (path: string) => `${origin}${path}`,
    at: (path: string) => received.get(path) ?? [],
    answer: (path: string, answer: Answer) => void answers.set(path, answer),
  };
}
