import net, { type AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { testSettings } from "@/lib/testing/unique";
import { NotDelivered, post } from "./post";

Object.assign(process.env, testSettings, { EVENTS_ALLOW_PRIVATE: "true" });
let server: net.Server | undefined;
afterEach(() => server?.close());

/** The address of a receiver that says exactly this to whoever connects. */
async function saying(answer: string): Promise<URL> {
  server = net.createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => socket.end(answer));
  });
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
}

test.each([
  ["nothing at all", ""],
  [
    "that it speaks another protocol",
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
  ],
  ["only that it goes on", "HTTP/1.1 100 Continue\r\n\r\n"],
  ["half an answer", "HTTP/1.1 200"],
])(
  "an attempt ends when the receiver says %s",
  async (_, answer) => {
    await expect(post(await saying(answer), {}, Buffer.from("{}"))).rejects.toBeInstanceOf(NotDelivered);
  },
  3_000,
);
