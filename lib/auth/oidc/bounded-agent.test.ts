import { once } from "node:events";
import http, { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { boundedAgent } from "./bounded-agent";

async function read(answer: (response: ServerResponse) => void): Promise<string> {
  const server = createServer((_, response) => answer(response)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  try {
    const request = http.get(url, { agent: boundedAgent(url, { ms: 500, bytes: 64 * 1024 }) });
    const [response] = (await once(request, "response")) as [http.IncomingMessage];
    let text = "";
    for await (const part of response) text += String(part);
    return text;
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test("an answer within the limits arrives", async () => {
  expect(await read((response) => response.end("fine"))).toBe("fine");
});

test("an answer that keeps trickling ends after the total time", async () => {
  const trickle = (response: ServerResponse) => {
    const more = setInterval(() => response.write("."), 50);
    response.once("close", () => clearInterval(more));
  };
  const startedAt = performance.now();
  await expect(read(trickle)).rejects.toThrow();
  expect(performance.now() - startedAt).toBeLessThan(2_000);
});

test("an answer that is too large ends early", async () => {
  const flood = (response: ServerResponse) => {
    const more = () => {
      while (response.write(Buffer.alloc(16 * 1024)));
    };
    response.on("drain", more);
    more();
  };
  await expect(read(flood)).rejects.toThrow();
});

test("a connection that breaks in the middle of an answer fails the call, not the process", async () => {
  const reset = (response: ServerResponse) => {
    response.write("half");
    setTimeout(() => response.socket?.resetAndDestroy(), 20);
  };
  await expect(read(reset)).rejects.toThrow();
});
