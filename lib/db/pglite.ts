import "server-only";
import { mkdirSync, openSync, closeSync, readFileSync, ftruncateSync, writeSync } from "node:fs";
import path from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { drizzle } from "drizzle-orm/pglite";
import { tryLock } from "fs-native-extensions";
import { describeError, log } from "@/lib/base/log";
import type { OpenDatabase } from "./database";
import { DatabaseError } from "./errors";
import { within, type Limits } from "./limits";
import { migrateDatabase } from "./migrate";
import { tables } from "@/lib/db/schema/tables";

/**
 * Opens the embedded database in `folder` for this process alone, and migrates it. Two processes on one
 * folder silently lose rows, so the folder is locked until this process ends, even if it is killed.
 * @throws DatabaseError when another process holds the folder or its contents cannot be opened
 */
export async function openPglite(folder: string, limits: Limits): Promise<OpenDatabase> {
  mkdirSync(folder, { recursive: true });
  const lock = lockFolder(folder);
  const data = path.join(folder, "data");
  const client = await PGlite.create(data).catch((error: unknown) => {
    closeSync(lock);
    throw new DatabaseError(
      `The database in ${data} cannot be opened; it seems to be damaged. Move that folder away to start with an empty one, or restore a copy.`,
      { cause: error },
    );
  });
  const db = drizzle(client, { schema: tables });
  const opened: OpenDatabase = {
    db,
    // PGlite runs one transaction at a time, so hanging work would block all others; it is rolled back
    // instead.
    transaction: (work, bounds = limits) =>
      db.transaction((tx) => within(bounds.transactionMs, "A transaction", work(tx))),
    // It has one connection, in this process; nothing but its own work can hold it up.
    isBusy: () => true,
    listen(channel, heard) {
      let hears = false;
      void client.listen(channel, heard).then(
        () => {
          hears = true;
          heard(null);
        },
        (error: unknown) => log.warn(describeError(error), "The embedded database can't report changes"),
      );
      return () => hears;
    },
    async close() {
      await client.close();
      closeSync(lock);
    },
  };
  await migrateDatabase(opened);
  return opened;
}

/** The operating system releases this lock when the process ends, even if it is killed. */
function lockFolder(folder: string): number {
  const file = path.join(folder, "lock");
  const descriptor = openSync(file, "a+");
  if (!tryLock(descriptor)) {
    closeSync(descriptor);
    throw new DatabaseError(
      `The database in ${folder} is in use by process ${readFileSync(file, "utf8").trim()}; stop that one first, or use another DATABASE_URL.`,
    );
  }
  ftruncateSync(descriptor);
  writeSync(descriptor, `${process.pid}\n`);
  return descriptor;
}
