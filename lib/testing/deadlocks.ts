import { setTimeout as wait } from "node:timers/promises";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect } from "vitest";
import { database } from "@/lib/db/client";

/** Runs a statement as it stands. */
export const run = async (statement: string) => (await database()).execute(sql.raw(statement));

/** Each write to a row of this table takes a moment after the row is locked, so that two transactions meet. */
export const slowDown = (table: string) =>
  run(`create trigger dawdle before update or delete on ${table} for each row execute function dawdle()`);

/** Lets the tests of a file slow tables down, and expects that the server has seen no deadlock once they end. */
export function expectNoDeadlocks(): void {
  beforeAll(() =>
    run(`create function dawdle() returns trigger language plpgsql as
      $$ begin perform pg_sleep(0.2); return coalesce(new, old); end $$`),
  );

  afterAll(async () => {
    // The server reports its counters a moment later.
    await wait(1_000);
    await run("select pg_stat_force_next_flush()");
    const found: unknown = await run(
      "select deadlocks::int as count from pg_stat_database where datname = current_database()",
    );
    expect((found as { rows: { count: number }[] }).rows).toEqual([{ count: 0 }]);
  });
}
