import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

export interface FaultyNetwork {
  port: number;
  /** Cuts every connection. */
  drop: () => void;
  /** Open connections stay open but carry nothing, and new ones get no answer. */
  freeze: () => void;
  /** Cuts every connection, and every new one immediately. */
  refuse: () => void;
  /** New connections work again; frozen ones stay frozen. */
  heal: () => void;
  /** Delays each packet by this much. */
  slowBy: (ms: number) => void;
  /** How many connections are open, and how many were refused. */
  lines: () => number;
  refused: () => number;
  close: () => Promise<void>;
}

/** Starts a proxy to a local port that fails the way networks do. */
export async function startFaultyNetwork(targetPort: number): Promise<FaultyNetwork> {
  const lines = new Set<{ ends: Socket[]; frozen: boolean }>();
  let mode: "fine" | "frozen" | "refusing" = "fine";
  let delayMs = 0;
  let refused = 0;

  const server = createServer((near) => {
    const line = { ends: [near], frozen: mode === "frozen" };
    lines.add(line);
    near.on("error", () => undefined).on("close", () => line.frozen || cut(line));
    if (mode === "refusing") {
      refused++;
      cut(line);
    }
    if (mode !== "fine") return;
    const far = connect(targetPort, "localhost").on("error", () => undefined);
    line.ends.push(far);
    far.on("close", () => line.frozen || cut(line));
    near.on("data", (chunk) => carry(line, chunk, far));
    far.on("data", (chunk) => carry(line, chunk, near));
  });

  function carry(line: { frozen: boolean }, chunk: Buffer, to: Socket) {
    const deliver = () => !line.frozen && to.writable && to.write(chunk);
    if (delayMs > 0) setTimeout(deliver, delayMs);
    else deliver();
  }

  function cut(line: { ends: Socket[]; frozen: boolean }) {
    lines.delete(line);
    for (const end of line.ends) end.destroy();
  }

  server.listen(0);
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    drop: () => lines.forEach(cut),
    freeze() {
      mode = "frozen";
      for (const line of lines) line.frozen = true;
    },
    refuse() {
      mode = "refusing";
      lines.forEach(cut);
    },
    heal: () => void (mode = "fine"),
    slowBy: (ms) => void (delayMs = ms),
    lines: () => lines.size,
    refused: () => refused,
    async close() {
      lines.forEach(cut);
      server.close();
      await once(server, "close");
    },
  };
}
