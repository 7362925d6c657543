import { eq, sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { transaction } from "@/lib/db/client";
import { connections } from "@/lib/db/schema/connections";
import { withApi } from "@/lib/testing/api";
import { withWorld } from "@/lib/testing/connections";
import { withDatabase } from "@/lib/testing/with-database";

withDatabase();
const { makePerson } = withWorld();
const { ask } = withApi();

interface Page {
  connections: { id: string; changed_at: string }[];
  next_cursor: string | null;
  as_of: string;
}

async function page(query: Record<string, string>): Promise<Page> {
  const { status, json } = await ask("GET", `/connections?${new URLSearchParams(query).toString()}`);
  expect(status).toBe(200);
  return json as unknown as Page;
}

/** Reads page by page to the end, and calls `between` after the first page. */
async function readAll(
  query: Record<string, string>,
  between: () => Promise<void> = () => Promise.resolve(),
) {
  const first = await page({ ...query, limit: "1" });
  await between();
  const found = [...first.connections];
  for (let next = first.next_cursor; next !== null;) {
    const {
      connections: more,
      next_cursor: following,
      as_of: asOf,
    } = await page({
      ...query,
      limit: "1",
      cursor: next,
    });
    expect(asOf).toBe(first.as_of);
    found.push(...more);
    next = following;
  }
  return { ids: found.map(({ id }) => id), asOf: first.as_of };
}

/** A transaction that changes connections and stays open until it is committed. */
async function openChange(ids: string[]) {
  let startedAt = new Date();
  let commit: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (commit = resolve));
  let changed: () => void = () => undefined;
  const hasChanged = new Promise<void>((resolve) => (changed = resolve));
  const committed = transaction(async (tx) => {
    for (const id of ids) await tx.update(connections).set({ access: "trade" }).where(eq(connections.id, id));
    const answer: unknown = await tx.execute(sql`select extract(epoch from now())::float8 * 1000 as ms`);
    startedAt = new Date((answer as { rows: { ms: number }[] }).rows[0]?.ms ?? 0);
    changed();
    await held;
  });
  await hasChanged;
  return {
    startedAt,
    async commit() {
      commit();
      await committed;
    },
  };
}

test("who follows changes never misses one that is committed after newer ones were read", async () => {
  const { ids } = await makePerson(["QUESTRADE", "KRAKEN", "ALPACA"]);
  const [late = "", soon = ""] = ids;
  const change = await openChange([late]);
  // Newer than the open change, and visible at once, so the reader goes past the time of the open one.
  const newer = await openChange([soon]);
  await newer.commit();
  const before = await readAll({});
  expect(before.ids.at(-1)).toBe(soon);
  await change.commit();
  const after = await page({ changed_since: before.asOf });
  expect(after.connections.map(({ id }) => id)).toContain(late);
});

test("a reading that began before a change is committed says so, however late it ends", async () => {
  const { ids } = await makePerson(["QUESTRADE", "KRAKEN", "ALPACA"]);
  const [late = "", soon = ""] = ids;
  const change = await openChange([late]);
  const newer = await openChange([soon]);
  await newer.commit();
  // The change appears behind the reader, who is past its time already.
  const reading = await readAll({}, async () => {
    await change.commit();
  });
  const after = await readAll({ changed_since: reading.asOf });
  expect(after.ids).toContain(late);
});

test("as_of stays before every open change, by more than clocks are set back", async () => {
  const { ids } = await makePerson(["QUESTRADE"]);
  const change = await openChange(ids);
  await transaction((tx) => tx.execute(sql`select pg_sleep(0.3)`));
  const { as_of: asOf } = await page({});
  expect(Date.parse(asOf)).toBeLessThanOrEqual(change.startedAt.getTime() - 5_000);
  await change.commit();
  const [shown] = (await page({ changed_since: asOf })).connections;
  expect(shown?.id).toBe(ids[0]);
  const { as_of: later } = await page({});
  expect(Date.parse(later)).toBeGreaterThan(Date.parse(asOf));
});
