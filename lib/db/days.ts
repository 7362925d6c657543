import "server-only";
import { sql } from "drizzle-orm";
import { database, transaction } from "./client";
import type { Transaction } from "./database";
import { affectedRows } from "./affected-rows";

/** A table partitioned by UTC day, with a default partition for rows of days that have none. */
export interface DailyTable {
  name: string;
  /** The column that decides the day, a date or a timestamp with time zone. */
  column: string;
  keptDays: number;
}

const dayMs = 86_400_000;
/** After this many days without a round, rows land in the default partition. */
const daysAhead = 7;
/** More rows than this stay in the default partition: moving them would hold up writers. */
const maxMoved = 20_000;
const batchSize = 5_000;

/** The UTC day of a moment, as YYYY-MM-DD. */
export const dayOf = (at: Date) => at.toISOString().slice(0, 10);
const after = (day: string, days: number) => dayOf(new Date(Date.parse(day) + days * dayMs));
/** A bound that fits dates and timestamps. It can't be a parameter, but it is made only of digits. */
const startsAt = (day: string) => sql.raw(`'${day} 00:00:00+00'`);

/**
 * Makes the partitions for today and the next days, and drops the oldest one if all of its rows are past
 * their time. Drops at most one per call, because that blocks writers for a moment. Each change waits at most
 * half a second for its lock, and is retried by the next call.
 * @returns `dropped` partitions, and rows `removed` one by one because they were in the default partition
 * @throws whatever the driver throws when a lock isn't free in time or a change takes longer than a second
 */
export async function keepDays(table: DailyTable, now: Date): Promise<{ dropped: number; removed: number }> {
  const present = await listDays(table);
  const today = dayOf(now);
  const firstKept = dayOf(new Date(now.getTime() - table.keptDays * dayMs));
  const wanted = Array.from({ length: daysAhead + 1 }, (_, ahead) => after(today, ahead));
  const [oldest] = present;
  const isOver = oldest !== undefined && oldest < firstKept;
  if (isOver) await quickly((tx) => tx.execute(sql`drop table if exists ${partition(table, oldest)}`));
  const removed = await removeFromDefault(table, firstKept);
  for (const day of [...wanted, ...(await listEarly(table, firstKept, today))])
    if (!present.includes(day)) await quickly((tx) => makeDay(tx, table, day));
  return { dropped: isOver ? 1 : 0, removed };
}

/** The days that have a partition, oldest first. */
async function listDays({ name }: DailyTable): Promise<string[]> {
  const db = await database();
  const found: unknown = await db.execute(sql`
    select child.relname as name from pg_inherits join pg_class as child on child.oid = inhrelid
    where inhparent = ${name}::regclass order by child.relname`);
  return (found as { rows: { name: string }[] }).rows.flatMap(({ name: child }) => {
    const [, year, month, day] = /_(\d{4})(\d\d)(\d\d)$/.exec(child) ?? [];
    return year && month && day ? [`${year}-${month}-${day}`] : [];
  });
}

/** A past day that has rows in the default partition, if there is one. */
async function listEarly(table: DailyTable, firstKept: string, today: string): Promise<string[]> {
  const db = await database();
  const column = sql.identifier(table.column);
  const found: unknown = await db.execute(sql`
    select ${column}::text as at from ${defaultPartition(table)}
    where ${column} >= ${startsAt(firstKept)} and ${column} < ${startsAt(today)} limit 1`);
  return (found as { rows: { at: string }[] }).rows.map(({ at }) => dayOf(new Date(at)));
}

const partition = ({ name }: DailyTable, day: string) => sql.identifier(`${name}_${day.replaceAll("-", "")}`);
const defaultPartition = ({ name }: DailyTable) => sql.identifier(`${name}_default`);

async function quickly<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
  return transaction(async (tx) => {
    await tx.execute(sql`set local lock_timeout = 500`);
    await tx.execute(sql`set local statement_timeout = 1000`);
    return work(tx);
  });
}

/**
 * Makes one day's partition, and moves rows there that arrived before it existed. If there are too many, no
 * partition is made, and all rows of that day stay in the default partition.
 */
async function makeDay(tx: Transaction, table: DailyTable, day: string): Promise<void> {
  const [parent, child, rest] = [sql.identifier(table.name), partition(table, day), defaultPartition(table)];
  const column = sql.identifier(table.column);
  const [start, end] = [startsAt(day), startsAt(after(day, 1))];
  const bounds = sql`from (${start}) to (${end})`;
  const ofDay = sql`${column} >= ${start} and ${column} < ${end}`;
  // One process at a time; the next one then finds that the partition exists.
  await tx.execute(sql`lock table ${parent} in share update exclusive mode`);
  const found: unknown = await tx.execute(
    sql`select count(*)::int as early from (select 1 from ${rest} where ${ofDay} limit ${maxMoved + 1}) as early`,
  );
  const [{ early } = { early: 0 }] = (found as { rows: { early: number }[] }).rows;
  if (early > maxMoved) return;
  if (early === 0) {
    await tx.execute(sql`create table if not exists ${child} partition of ${parent} for values ${bounds}`);
    return;
  }
  // No more rows of this day may arrive in the default partition meanwhile.
  await tx.execute(sql`lock table ${parent} in access exclusive mode`);
  await tx.execute(sql`create table ${child} (like ${parent} including all)`);
  await tx.execute(sql`
    with moved as (delete from ${rest} where ${ofDay} returning *)
    insert into ${child} select * from moved order by ${column}`);
  await tx.execute(sql`alter table ${parent} attach partition ${child} for values ${bounds}`);
}

async function removeFromDefault(table: DailyTable, firstKept: string): Promise<number> {
  const db = await database();
  const [rest, column] = [defaultPartition(table), sql.identifier(table.column)];
  const removed = await db.execute(sql`
    delete from ${rest} where ctid = any(array(
      select ctid from ${rest} where ${column} < ${startsAt(firstKept)} limit ${batchSize} for update skip locked))`);
  return affectedRows(removed);
}
