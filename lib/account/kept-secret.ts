import "server-only";
import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { isSealedWithFirstKey } from "@/lib/snaptrade/user-secret";

/** Where the commands keep secrets, below the folder they are run in. */
export const keptSecretsFolder = ".data/secret-resets";

const shape = z.object({ sentAt: z.coerce.date(), sealed: z.string() });

/** A new secret, sealed, that SnapTrade has sent and the database doesn't have yet. */
export type KeptSecret = z.output<typeof shape>;

/** On this machine's disk, because the database may be away when the secret arrives. */
const fileOf = (folder: string, userId: string) => path.join(folder, `${userId}.json`);

/** Checks that a secret can be kept before there is one. @throws if the folder can't be written to */
export async function requireKeeping(folder: string, userId: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await write(folder, `${fileOf(folder, userId)}.trial`, "");
  await rm(`${fileOf(folder, userId)}.trial`);
}

/** Keeps a sealed secret. Once this resolves, it is on the disk itself, not only in a cache. */
export async function keepSecret(folder: string, userId: string, kept: KeptSecret): Promise<void> {
  const file = fileOf(folder, userId);
  await write(folder, `${file}.new`, JSON.stringify(kept));
  await rename(`${file}.new`, file);
  await flush(folder);
}

/** The secret that an interrupted run kept, or null. */
export async function readKeptSecret(folder: string, userId: string): Promise<KeptSecret | null> {
  const text = await readFile(fileOf(folder, userId), "utf8").catch(nullIfMissing);
  return text === null ? null : shape.parse(JSON.parse(text));
}

/** Whose kept secrets are not under the first of ENCRYPTION_KEYS, by our id; the other keys are still needed. */
export async function listKeptUnderOlderKeys(folder: string): Promise<string[]> {
  const files = (await readdir(folder).catch(nullIfMissing)) ?? [];
  const userIds = files.filter((file) => file.endsWith(".json")).map((file) => path.parse(file).name);
  const older: string[] = [];
  for (const userId of userIds) {
    const kept = await readKeptSecret(folder, userId);
    if (kept && !isSealedWithFirstKey(kept.sealed)) older.push(userId);
  }
  return older;
}

function nullIfMissing(error: unknown): null {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
  throw error;
}

export const forgetKeptSecret = (folder: string, userId: string): Promise<void> =>
  rm(fileOf(folder, userId), { force: true });

async function write(folder: string, file: string, text: string): Promise<void> {
  const handle = await open(file, "w", 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await flush(folder);
}

async function flush(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  await handle.sync().finally(() => handle.close());
}
