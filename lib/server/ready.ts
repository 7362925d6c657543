import "server-only";
import { database } from "@/lib/db/client";
import { DatabaseError } from "@/lib/db/errors";
import { env, SettingsError } from "@/lib/base/env";
import { describeError, log } from "@/lib/base/log";

/**
 * Exits the process with an explanation if its settings are wrong or its database must not be used. An
 * unreachable database is only logged, because it may come back.
 */
export async function requireUsable(): Promise<void> {
  try {
    if (env().MODE === "shadow")
      log.info("Running in shadow mode: only watches, contacts nobody, and repairs nothing");
    await database();
  } catch (error) {
    if (error instanceof SettingsError || error instanceof DatabaseError) stop(error.message);
    log.error(describeError(error), "The database is not answering; the next query will try again");
  }
}

function stop(sentence: string): never {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}
