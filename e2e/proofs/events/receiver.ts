import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Accepted {
  endpoint: string;
  headers: { id: string; timestamp: string; signature: string };
  body: string;
}

export interface Receiver {
  urls: string[];
  accepted: Accepted[];
  counts: {
    attempts: number;
    failed: number;
    hung: number;
    late: number;
    redirected: number;
    followed: number;
  };
  close: () => void;
}

/** Each misbehaves at most this often for one event, so that the proof ends within minutes. */
const maxMishaps = 2;

/** Four endpoints: one that behaves, one that fails, one that hangs or is late, and one that redirects. */
export async function startReceiver(random: () => number): Promise<Receiver> {
  const accepted: Accepted[] = [];
  const counts = { attempts: 0, failed: 0, hung: 0, late: 0, redirected: 0, followed: 0 };
  const mishaps = new Map<string, number>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const endpoint = request.url ?? "";
      if (endpoint === "/private") {
        counts.followed++;
        response.end();
        return;
      }
      const header = (name: string) => String(request.headers[`webhook-${name}`]);
      const headers = { id: header("id"), timestamp: header("timestamp"), signature: header("signature") };
      const accept = () => {
        accepted.push({ endpoint, headers, body: Buffer.concat(chunks).toString() });
        response.writeHead(204).end();
      };
      counts.attempts++;
      const key = `${endpoint} ${headers.id}`;
      const before = mishaps.get(key) ?? 0;
      if (before >= maxMishaps || !misbehave(endpoint, response, accept)) accept();
      else mishaps.set(key, before + 1);
    });
  });

  /** @returns false if the endpoint behaves this time */
  function misbehave(endpoint: string, response: ServerResponse, accept: () => void): boolean {
    const chance = random();
    if (endpoint === "/fails" && chance < 0.1) {
      counts.failed++;
      if (chance < 0.03) response.destroy();
      else response.writeHead(chance < 0.07 ? 500 : 429).end("Not now");
      return true;
    }
    if (endpoint === "/hangs" && chance < 0.06) {
      if (chance < 0.02) counts.hung++;
      else {
        counts.late++;
        setTimeout(accept, 500 + chance * 10_000);
      }
      return true;
    }
    if (endpoint === "/redirects" && chance < 0.05) {
      counts.redirected++;
      response.writeHead(307, { Location: `http://127.0.0.1:${port}/private` }).end();
      return true;
    }
    return false;
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const urls = ["/behaves", "/fails", "/hangs", "/redirects"].map(
    (path) => `http://127.0.0.1:${port}${path}`,
  );
  return {
    urls,
    accepted,
    counts,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
