import "server-only";
import { parseBrandColor } from "@/lib/base/brand";
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
    const { BRAND_COLOR, MODE } = env();
    parseBrandColor(BRAND_COLOR);
    if (MODE === "shadow")
      log.info("Running in shadow mode: only watches, contacts nobody, and repairs nothing");
    await database();
  } catch (error) {
    if (error instanceof SettingsError || error instanceof DatabaseError) stop(error.message);
    if (error instanceof RangeError) stop(`BRAND_COLOR ${error.message}`);
    log.error(describeError(error), "The database is not answering; the next query will try again");
  }
}

function stop(sentence: string): never {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}
