import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { once } from "node:events";

/** A port that forwards to another one and can be switched to a third, like the address of a database. */
export async function startSwitch(firstPort: number) {
  const open = new Set<Socket>();
  let target = firstPort;
  const server = createServer((near) => {
    const far = connect(target, "localhost");
    for (const [end, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(end);
      end
        .on("error", () => undefined)
        .on("close", () => {
          open.delete(end);
          other.destroy();
        });
      end.pipe(other);
    }
  });
  server.listen(0);
  await once(server, "listening");
  const cut = () => open.forEach((socket) => socket.destroy());
  return {
    port: (server.address() as AddressInfo).port,
    /** Ends all connections, and forwards new ones to this port. */
    turn(port: number) {
      target = port;
      cut();
    },
    close() {
      cut();
      server.close();
    },
  };
}
