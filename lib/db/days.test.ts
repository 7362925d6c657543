import { sql } from "drizzle-orm";
import { Pool } from "pg";
import { beforeEach, describe, expect, inject, test } from "vitest";
import { withDatabase } from "@/lib/testing/with-database";
import { database } from "./client";
import { dayOf, keepDays, type DailyTable } from "./days";

withDatabase();

const table: DailyTable = { name: "kept", column: "at", keptDays: 3 };
const midnight = Date.parse("2026-11-21T00:00:00Z");
const day = (n: number) => dayOf(new Date(midnight + n * 86_400_000));
const moment = (ms: number) => new Date(midnight + ms);

async function rowsOf<Row>(query: ReturnType<typeof sql>): Promise<Row[]> {
  const answer: unknown = await (await database()).execute(query);
  return (answer as { rows: Row[] }).rows;
}

beforeEach(async () => {
  const db = await database();
  await db.execute(sql`drop table if exists kept`);
  await db.execute(sql`create table kept (at timestamptz(3) not null, id int) partition by range (at)`);
  await db.execute(sql`create index on kept (id)`);
  await db.execute(sql`create table kept_default partition of kept default`);
});

async function store(at: Date, count = 1) {
  const db = await database();
  await db.execute(
    sql`insert into kept select ${at.toISOString()}::timestamptz, id from generate_series(1, ${count}::int) as id`,
  );
}

/** How many rows each partition holds. */
async function partitions(): Promise<Record<string, number>> {
  const rows = await rowsOf<{ name: string; rows: number }>(sql`
    select child.relname as name, (select count(*)::int from kept where kept.tableoid = child.oid) as rows
    from pg_inherits join pg_class as child on child.oid = inhrelid where inhparent = 'kept'::regclass order by 1`);
  return Object.fromEntries(rows.map(({ name, rows: count }) => [name, count]));
}

const nameOf = (n: number) => `kept_${day(n).replaceAll("-", "")}`;

describe("the days of a table", () => {
  test("are made a week ahead, and a row belongs to its day in UTC to the millisecond", async () => {
    await keepDays(table, moment(-1));
    for (const ms of [-1, 0, 86_400_000 - 1, 86_400_000]) await store(moment(ms));
    expect(await partitions()).toEqual({
      kept_default: 0,
      [nameOf(-1)]: 1,
      [nameOf(0)]: 2,
      [nameOf(1)]: 1,
      ...Object.fromEntries([2, 3, 4, 5, 6].map((n) => [nameOf(n), 0])),
    });
  });

  test("are the same whatever time zone the server is in", async () => {
    const db = await database();
    const [{ name } = { name: "" }] = await rowsOf<{ name: string }>(sql`select current_database() as name`);
    await db.execute(sql.raw(`alter database "${name}" set timezone = 'Pacific/Auckland'`));
    await db.execute(sql`set timezone = 'Pacific/Auckland'`);
    try {
      await store(moment(-1));
      await keepDays(table, moment(0));
      expect(await partitions()).toMatchObject({ kept_default: 0, [nameOf(-1)]: 1, [nameOf(0)]: 0 });
    } finally {
      await db.execute(sql.raw(`alter database "${name}" reset timezone`));
      await db.execute(sql`reset timezone`);
    }
  });

  test("are dropped one a call, and only once their last row is past its time", async () => {
    for (const n of [-5, -4, -3]) await keepDays({ ...table, keptDays: 30 }, moment(n * 86_400_000));
    await store(moment(-3 * 86_400_000));
    expect(await keepDays(table, moment(0))).toEqual({ dropped: 1, removed: 0 });
    expect(await keepDays(table, moment(0))).toEqual({ dropped: 1, removed: 0 });
    expect(await keepDays(table, moment(86_400_000 - 1))).toEqual({ dropped: 0, removed: 0 });
    expect(await partitions()).toMatchObject({ [nameOf(-3)]: 1 });
    expect(await keepDays(table, moment(86_400_000))).toEqual({ dropped: 1, removed: 0 });
    expect(Object.keys(await partitions())[0]).toBe(nameOf(-2));
  });

  test("take in rows that arrived before they were made, for today and for past days", async () => {
    for (const ms of [-2 * 86_400_000, -1, 0, 1]) await store(moment(ms), 10);
    await keepDays(table, moment(1));
    await keepDays(table, moment(1));
    expect(await partitions()).toMatchObject({
      kept_default: 0,
      [nameOf(-2)]: 10,
      [nameOf(-1)]: 10,
      [nameOf(0)]: 20,
    });
    // The index is the partitioned table's, so that later changes to it reach these rows too.
    const [{ indexes } = { indexes: 0 }] = await rowsOf<{ indexes: number }>(
      sql`select count(*)::int as indexes from pg_inherits where inhparent = 'kept_id_idx'::regclass`,
    );
    expect(indexes).toBe(Object.keys(await partitions()).length);
  });

  test("with too many early rows stay in the default partition until they are past their time, and the next days are made", async () => {
    await store(moment(0), 20_001);
    await keepDays(table, moment(1));
    expect(await partitions()).toMatchObject({ kept_default: 20_001, [nameOf(1)]: 0, [nameOf(7)]: 0 });
    await store(moment(2), 1);
    const later = moment(4 * 86_400_000);
    let removed = 0;
    for (let call = 0; call < 5; call++) removed += (await keepDays(table, later)).removed;
    expect(removed).toBe(20_002);
  });

  test("are made once by two calls at the same time", async () => {
    await store(moment(0), 5);
    const both = await Promise.allSettled([keepDays(table, moment(1)), keepDays(table, moment(1))]);
    expect(both.map(({ status }) => status)).toContain("fulfilled");
    expect(await partitions()).toMatchObject({ kept_default: 0, [nameOf(0)]: 5, [nameOf(7)]: 0 });
  });

  test.runIf(inject("postgresUrl"))(
    "wait for a lock for half a second at most, and are made by the next call",
    async () => {
      await keepDays(table, moment(-5 * 86_400_000));
      const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 1 });
      const reader = await pool.connect();
      await reader.query("begin; select * from kept");
      const startedAt = performance.now();
      await expect(keepDays(table, moment(0))).rejects.toThrow();
      expect(performance.now() - startedAt).toBeLessThan(1_500);
      await store(moment(0));
      await reader.query("rollback");
      reader.release();
      await pool.end();
      expect(await keepDays(table, moment(0))).toEqual({ dropped: 1, removed: 0 });
      expect(await partitions()).toMatchObject({ kept_default: 0, [nameOf(0)]: 1 });
    },
  );
});
