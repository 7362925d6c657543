import { readFileSync } from "node:fs";
import { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { withDatabase } from "@/lib/testing/with-database";

withDatabase();

/** What the previous release sends, as recorded by `npm run statements:record` when it was released. */
const statements = JSON.parse(readFileSync("lib/db/previous-release.json", "utf8")) as string[];

let client: Client;
beforeAll(async () => {
  client = new Client({ connectionString: process.env.DATABASE_URL });
  await client.connect();
});
afterAll(() => client.end());

/** The statements that this schema rejects, and why. */
async function refused(): Promise<string[]> {
  const reasons: string[] = [];
  for (const statement of statements) {
    await client.query("savepoint before");
    try {
      await client.query(`prepare one as ${statement}`);
      await client.query("deallocate one");
    } catch (error) {
      reasons.push(`${error instanceof Error ? error.message : "?"}: ${statement}`);
      await client.query("rollback to savepoint before");
    }
    await client.query("release savepoint before");
  }
  return reasons;
}

async function undone<T>(work: () => Promise<T>): Promise<T> {
  await client.query("begin");
  return work().finally(() => client.query("rollback"));
}

test("every statement of the previous release still works, so it can run on the migrated schema", async () => {
  expect(statements.length).toBeGreaterThan(50);
  expect(await undone(refused)).toEqual([]);
});

test("a dropped column and a renamed table are reported", async () => {
  const after = (change: string) =>
    undone(async () => {
      await client.query(change);
      return refused();
    });
  expect((await after("alter table snaptrade_users drop column sealed_secret")).join("\n")).toContain(
    "sealed_secret",
  );
  expect((await after("alter table connections rename to links")).join("\n")).toContain(
    'relation "connections" does not exist',
  );
});

test("the previous release can add people, and reads those it could not have added", async () => {
  const columns = /insert into "users" \(([^)]*)\)/.exec(statements.join("\n"))?.[1] ?? "";
  expect(columns).toContain('"email"');
  const found = await undone(async () => {
    await client.query("insert into users (email) values ('someone@example.com')");
    await client.query("insert into users (external_id) values ('one')");
    return client.query('select "id", "email" from "users" order by "email"');
  });
  expect(found.rows).toMatchObject([{ email: "someone@example.com" }, { email: null }]);
});

test("a column that the previous release doesn't fill may be empty or has a default", async () => {
  const { rows } = await client.query<{ name: string }>(`
    select table_name || '.' || column_name as name from information_schema.columns
    where table_schema = 'public' and is_nullable = 'NO' and column_default is null and is_identity = 'NO'`);
  const inserted = statements.filter((statement) => /^\s*insert\s+into/i.test(statement)).join("\n");
  const tables = new Set([...inserted.matchAll(/insert into "?(\w+)"?/gi)].map(([, table]) => table));
  const missing = rows
    .map(({ name }) => name.split(".") as [string, string])
    .filter(([table]) => tables.has(table))
    .filter(([, column]) => !new RegExp(`\\b${column}\\b`).test(inserted));
  expect(missing).toEqual([]);
});
