import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { Client } from "pg";

interface Backend {
  stream: Socket;
  /** The client whose transaction is running on it; null while it is free. */
  lentTo: Socket | null;
}

/** PostgreSQL's messages: a letter, a length that includes itself, and a body. */
function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

/** AuthenticationOk, the settings that drivers read, a process id that is no backend's, and ReadyForQuery. */
const welcome = Buffer.concat([
  message("R", Buffer.alloc(4)),
  message("S", Buffer.from("server_version\0" + "18.0\0")),
  message("S", Buffer.from("client_encoding\0UTF8\0")),
  message("K", Buffer.from([0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 1])),
  message("Z", Buffer.from("I")),
]);

/**
 * A pooler in transaction mode, like pgbouncer's: each transaction may run on a different server connection,
 * and whatever a server sends between transactions, such as a notification, reaches nobody.
 */
export async function startTransactionPooler(url: string, size: number) {
  const clients = await Promise.all(Array.from({ length: size }, () => connected(url)));
  const backends = clients.map((client): Backend => ({ stream: takeOver(client), lentTo: null }));
  const queue: { client: Socket; bytes: Buffer[] }[] = [];
  let transactions = 0;

  for (const backend of backends) {
    let rest = Buffer.alloc(0);
    backend.stream.on("data", (chunk: Buffer) => {
      backend.lentTo?.write(chunk);
      rest = Buffer.concat([rest, chunk]);
      for (;;) {
        if (rest.length < 5 || rest.length < 1 + rest.readInt32BE(1)) return;
        const length = 1 + rest.readInt32BE(1);
        const isOver = rest[0] === 0x5a && rest[5] === 0x49;
        rest = rest.subarray(length);
        if (isOver && rest.length === 0) giveBack(backend);
      }
    });
  }

  function giveBack(backend: Backend) {
    transactions++;
    backend.lentTo = null;
    // Moved to the end, so that a client rarely gets the same one twice in a row.
    backends.push(...backends.splice(backends.indexOf(backend), 1));
    const next = queue.shift();
    if (next) lend(next.client, next.bytes);
  }

  function lend(client: Socket, bytes: Buffer[]) {
    const free = backends.find(({ lentTo }) => lentTo === null);
    if (!free) {
      queue.push({ client, bytes });
      return;
    }
    free.lentTo = client;
    for (const chunk of bytes) free.stream.write(chunk);
  }

  const server = createServer((client) => {
    let greeted = false;
    client.on("error", () => undefined);
    client.on("data", (chunk: Buffer) => {
      if (!greeted) {
        greeted = true;
        client.write(welcome);
        return;
      }
      // "X": the client disconnects, but the server connection stays.
      if (chunk[0] === 0x58) {
        client.end();
        return;
      }
      const own = backends.find(({ lentTo }) => lentTo === client);
      const waiting = queue.find((entry) => entry.client === client);
      if (own) own.stream.write(chunk);
      else if (waiting) waiting.bytes.push(chunk);
      else lend(client, [chunk]);
    });
  });
  server.listen(0);
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    transactions: () => transactions,
    close() {
      for (const { stream } of backends) stream.destroy();
      server.close();
    },
  };
}

async function connected(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

/** The driver signs in; from then on, we handle the bytes ourselves. */
function takeOver(client: Client): Socket {
  const { stream } = client.connection as unknown as { stream: Socket };
  stream.removeAllListeners("data");
  return stream;
}
