import "server-only";
import path from "node:path";
import { readMigrationFiles } from "drizzle-orm/migrator";
import { sql } from "drizzle-orm";
import type { Database, OpenDatabase } from "./database";
import { DatabaseError } from "./errors";
import { migrationLimits } from "./limits";

const migrationsFolder = () => path.join(/* turbopackIgnore: true */ process.cwd(), "drizzle");
/** Names the lock that keeps two migrations from running at once; any number that nobody else uses. */
const advisoryLock = 7_274_001;

async function lastApplied(db: Database): Promise<number> {
  const { rows: tables } = await execute(
    db,
    sql`select to_regclass('drizzle.__drizzle_migrations') is not null as present`,
  );
  if (!tables[0]?.present) return 0;
  const { rows } = await execute(db, sql`select max(created_at) as at from drizzle.__drizzle_migrations`);
  return Number(rows[0]?.at ?? 0);
}

/** All drivers answer with rows; their result types differ in nothing that is used here. */
function execute(
  db: Pick<Database, "execute">,
  query: ReturnType<typeof sql>,
): Promise<{ rows: Record<string, unknown>[] }> {
  return db.execute(query) as unknown as Promise<{ rows: Record<string, unknown>[] }>;
}

/**
 * Applies the generated migrations that are missing, all or none; two processes at once do it once.
 * @returns how many were applied
 * @throws DatabaseError when the database is from a newer version of this app
 */
export async function migrateDatabase({
  db,
  transaction,
}: Pick<OpenDatabase, "db" | "transaction">): Promise<number> {
  const migrations = readMigrationFiles({ migrationsFolder: migrationsFolder() });
  refuseFuture(await lastApplied(db), migrations);
  return transaction(async (tx) => {
    await tx.execute(sql`select pg_advisory_xact_lock(${advisoryLock})`);
    await tx.execute(sql`create schema if not exists drizzle`);
    await tx.execute(
      sql`create table if not exists drizzle.__drizzle_migrations (id serial primary key, hash text not null, created_at bigint)`,
    );
    const { rows } = await execute(tx, sql`select max(created_at) as at from drizzle.__drizzle_migrations`);
    const missing = migrations.filter((migration) => migration.folderMillis > Number(rows[0]?.at ?? 0));
    for (const migration of missing) {
      for (const statement of migration.sql) await tx.execute(sql.raw(statement));
      await tx.execute(
        sql`insert into drizzle.__drizzle_migrations (hash, created_at) values (${migration.hash}, ${migration.folderMillis})`,
      );
    }
    return missing.length;
  }, migrationLimits);
}

/**
 * Checks that the database has exactly the migrations that this build knows.
 * @throws DatabaseError when some are missing, or it is from a newer version
 */
export async function requireCurrentSchema(db: Database): Promise<void> {
  const migrations = readMigrationFiles({ migrationsFolder: migrationsFolder() });
  const applied = await lastApplied(db);
  refuseFuture(applied, migrations);
  if (applied < (migrations.at(-1)?.folderMillis ?? 0))
    throw new DatabaseError(
      "The database lacks migrations that this version needs; run `npm run db:migrate`.",
    );
}

function refuseFuture(applied: number, migrations: { folderMillis: number }[]) {
  if (applied > (migrations.at(-1)?.folderMillis ?? 0))
    throw new DatabaseError(
      "The database was made by a newer version of this app; use that version, or restore a copy from before the update.",
    );
}
