import { chmod, chown, cp, readdir, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { Client } from "pg";

export interface Standby {
  port: number;
  /** Makes it the new primary. */
  promote: () => Promise<void>;
  stop: () => Promise<void>;
}

async function within<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Does what pg_basebackup does, because the server package doesn't include it. */
export async function copyForStandby(url: string, from: string, to: string): Promise<void> {
  await within(url, async (client) => {
    await client.query("select pg_backup_start('standby', true)");
    await cp(from, to, { recursive: true, filter: isCopied });
    const { rows } = await client.query<{ labelfile: string }>("select labelfile from pg_backup_stop(false)");
    await writeFile(path.join(to, "backup_label"), rows[0]?.labelfile ?? "");
  });
  const { hostname, port } = new URL(url);
  const source = `host=${hostname} port=${port} user=postgres password=postgres application_name=standby`;
  await writeFile(path.join(to, "standby.signal"), "");
  await writeFile(path.join(to, "postgresql.auto.conf"), `primary_conninfo = '${source}'\n`);
  // The server refuses to start on files that its user doesn't own.
  const { uid, gid } = await stat(from);
  await chownAll(to, uid, gid);
  await chmod(to, 0o700);
}

const isCopied = (file: string) => !/\/(postmaster\.(pid|opts)|pg_stat_tmp\/.+)$/.test(file);

async function chownAll(folder: string, uid: number, gid: number): Promise<void> {
  if (process.getuid?.() !== 0) return;
  await chown(folder, uid, gid);
  for (const entry of await readdir(folder, { recursive: true }))
    await chown(path.join(folder, entry), uid, gid);
}

/** Waits until the standby has caught up; from then on a commit waits for it, so a failover loses nothing. */
export async function followed(url: string, port: number, stop: () => Promise<void>): Promise<Standby> {
  await within(url, async (client) => {
    const isStreaming = "select 1 from pg_stat_replication where state = 'streaming'";
    while (!(await client.query(isStreaming)).rowCount)
      await new Promise((resolve) => setTimeout(resolve, 50));
    await client.query("alter system set synchronous_standby_names = 'standby'");
    await client.query("select pg_reload_conf()");
  });
  const own = new URL(url);
  own.port = String(port);
  return {
    port,
    promote: () =>
      within(own.href, async (client) => {
        await client.query("select pg_promote()");
      }),
    stop,
  };
}
