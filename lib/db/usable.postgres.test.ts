import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { testSettings } from "@/lib/testing/unique";
import { withDatabase } from "@/lib/testing/with-database";
import { database, transaction } from "./client";
import { askDatabase } from "./usable";

Object.assign(process.env, testSettings);
withDatabase();

test("a pool whose connections are all in use doesn't mean that the database is away", async () => {
  const db = await database();
  let isOver = false;
  // Each of many callers keeps a connection for a while, and more wait than there are.
  const callers = Array.from({ length: 40 }, async () => {
    while (!isOver) await db.execute(sql`select pg_sleep(0.7)`).catch(() => undefined);
  });
  const states = [];
  try {
    for (let count = 0; count < 3; count++) {
      await new Promise((resolve) => setTimeout(resolve, 250));
      states.push(await askDatabase());
    }
  } finally {
    isOver = true;
    await Promise.all(callers);
  }
  expect(states).toEqual(["usable", "usable", "usable"]);
}, 30_000);

test("tables that somebody has locked away can't be used", async () => {
  await transaction(async (tx) => {
    await tx.execute(sql`lock table sessions in access exclusive mode`);
    await new Promise((resolve) => setTimeout(resolve, 250));
    expect(await askDatabase()).toBe("away");
  });
  expect(await askDatabase()).toBe("usable");
}, 30_000);
