import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach } from "vitest";
import { database } from "@/lib/db/client";
import { snapTradeCalls, snapTradeLimits } from "@/lib/db/schema/work";
import { testSettings } from "./unique";

type Answering = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * A SnapTrade server whose answers the test controls byte by byte, for what the emulator never sends. Each
 * test starts with a fresh budget.
 */
export function withAnswers() {
  let answering: Answering = (_, response) => response.end("[]");
  const paths: string[] = [];
  const server = createServer((request, response) => {
    paths.push((request.url ?? "").split("?")[0] ?? "");
    answering(request, response);
  });

  beforeAll(async () => {
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    const { port } = server.address() as AddressInfo;
    Object.assign(process.env, testSettings, { SNAPTRADE_API_URL: `http://127.0.0.1:${port}` });
  });
  beforeEach(async () => {
    paths.length = 0;
    const db = await database();
    await db.delete(snapTradeCalls);
    await db.delete(snapTradeLimits);
    await db.insert(snapTradeLimits).values({ id: 1, perMinute: 10_000 });
  });
  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  });

  return {
    /** The requested paths, in order. */
    paths,
    answer(wanted: Answering) {
      answering = wanted;
    },
    answerJson(body: unknown, headers: Record<string, string> = {}, status = 200) {
      answering = (_, response) =>
        response
          .writeHead(status, { "Content-Type": "application/json", ...headers })
          .end(JSON.stringify(body));
    },
  };
}

/** An event that a test can wait for. */
export function fact() {
  let happen: () => void = () => undefined;
  const happened = new Promise<void>((resolve) => (happen = resolve));
  return { happened, happen };
}

/** A connection as SnapTrade lists it, for answers that a test writes by hand. */
export const listedConnection = {
  id: "0b3ebefb-ed47-43df-cd8f-729a4420b5cf",
  brokerage: { id: "c8153291-0761-43a8-8ed0-4642103c2cb8", slug: "QUESTRADE", display_name: "Questrade" },
  type: "read",
  disabled: false,
};
