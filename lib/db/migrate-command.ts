import nextEnv from "@next/env";
import { SettingsError } from "@/lib/base/env";
import { openDatabase } from "./client";
import { DatabaseError } from "./errors";
import { migrateDatabase } from "./migrate";

// The command behind `npm run db:migrate`. It needs only the database settings, so a deployment can run it
// before the rest is configured.
nextEnv.loadEnvConfig(process.cwd());
try {
  const url = process.env.DATABASE_URL || "pglite:.data/pglite";
  const opened = await openDatabase({
    DATABASE_URL: url,
    DATABASE_DRIVER: process.env.DATABASE_DRIVER === "neon" ? "neon" : undefined,
    NEON_WS_PROXY: process.env.NEON_WS_PROXY,
  });
  const applied = await migrateDatabase(opened);
  await opened.close();
  console.log(applied ? `Applied ${applied} migrations.` : "The database is up to date.");
} catch (error) {
  const known = error instanceof DatabaseError || error instanceof SettingsError;
  console.error(
    known
      ? error.message
      : `The database could not be migrated: ${error instanceof Error ? error.message : "unknown error"}`,
  );
  process.exit(1);
}
