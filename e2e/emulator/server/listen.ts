import { once } from "node:events";
import { createServer, type Server } from "node:net";

const families = ["127.0.0.1", "::1"] as const;
const attempts = 20;

export class PortTakenError extends Error {
  constructor(
    readonly port: number,
    readonly setting: string,
  ) {
    super(`Port ${port} is already in use; set ${setting} to another port.`);
  }
}

/** Starts one server per address that localhost can mean, all on the same port. */
export async function listenOnLocalhost<S extends { close(): void }>(
  create: () => { server: S; net: Server },
  port: number,
  setting: string,
): Promise<{ port: number; servers: S[] }> {
  for (let attempt = 1; ; attempt++) {
    const chosen = port === 0 ? await freePort() : port;
    const servers: S[] = [];
    try {
      for (const host of families) {
        const { server, net } = create();
        if (await listen(net, chosen, host)) servers.push(server);
      }
      return { port: chosen, servers };
    } catch (error) {
      for (const server of servers) server.close();
      if (!isCode(error, "EADDRINUSE") && !isCode(error, "EACCES")) throw error;
      if (port !== 0 || attempt === attempts) throw new PortTakenError(chosen, setting);
    }
  }
}

/** False if this machine has no such address. */
async function listen(net: Server, port: number, host: string): Promise<boolean> {
  try {
    net.listen({ port, host });
    await once(net, "listening");
    return true;
  } catch (error) {
    if (host === "::1" && (isCode(error, "EADDRNOTAVAIL") || isCode(error, "EAFNOSUPPORT"))) return false;
    throw error;
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
