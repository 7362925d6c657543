import { connect, type AddressInfo } from "node:net";
import { WebSocketServer } from "ws";

/** The proxy that Neon runs in front of its servers: PostgreSQL's protocol over a WebSocket. */
export function startWebSocketProxy(postgresPort: number): { port: number; close: () => void } {
  const proxy = new WebSocketServer({ port: 0 });
  proxy.on("connection", (socket) => {
    const server = connect(postgresPort, "localhost");
    server.on("data", (chunk) => socket.send(chunk));
    server.on("error", () => socket.close());
    server.on("close", () => socket.close());
    socket.on("message", (chunk: Buffer) => server.write(chunk));
    socket.on("error", () => undefined);
    socket.on("close", () => server.end());
  });
  return { port: (proxy.address() as AddressInfo).port, close: () => proxy.close() };
}
