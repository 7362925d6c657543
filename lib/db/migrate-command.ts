import nextEnv from "@next/env";
import { parseDatabaseEnv, SettingsError } from "@/lib/base/env";
import { openDatabase } from "./client";
import { DatabaseError } from "./errors";
import { migrateDatabase } from "./migrate";

// The command behind `npm run db:migrate`. It needs only the database settings, so a deployment can run it
// before the rest is configured.
nextEnv.loadEnvConfig(process.cwd());
try {
  const opened = await openDatabase(parseDatabaseEnv(process.env));
  const applied = await migrateDatabase(opened);
  await opened.close();
  console.log(applied ? `Applied ${applied} migrations.` : "The database is up to date.");
} catch (error) {
  const known = error instanceof DatabaseError || error instanceof SettingsError;
  console.error(known ? error.message : `The database could not be migrated: ${reasonOf(error)}`);
  process.exit(1);
}

/** What the driver or the database said, rather than which statement failed. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "unknown error";
  if (error.cause instanceof Error) return reasonOf(error.cause);
  // Where a name has several addresses and none answers, Node gives only the code.
  return error.message || ("code" in error ? String(error.code) : error.name);
}
