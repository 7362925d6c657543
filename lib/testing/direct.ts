import { sql } from "drizzle-orm";
import { Client } from "pg";
import { inject } from "vitest";
import { database } from "@/lib/db/client";

/** Another session in this test's PostgreSQL database, without the limits of ours. */
export async function openDirect(): Promise<Client> {
  const found: unknown = await (await database()).execute(sql`select current_database() as name`);
  const [row] = (found as { rows: { name: string }[] }).rows;
  const client = new Client({ connectionString: `${inject("postgresUrl")}/${row?.name ?? ""}` });
  await client.connect();
  return client;
}
