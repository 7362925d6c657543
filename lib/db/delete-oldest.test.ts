import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { makeUser, withDatabase } from "@/lib/testing/with-database";
import { database } from "./client";
import { deleteOldest, maxDeleted } from "./delete-oldest";
import { sessions } from "./schema/auth";

withDatabase();

const remove = () =>
  deleteOldest(sessions, sessions.lastUsedAt, sql`last_used_at < now() - interval '14 days'`);

test("takes a bounded batch, oldest first, and two at once take no row twice", async () => {
  const db = await database();
  const userId = await makeUser();
  const fill = (from: number, to: number) =>
    db.execute(sql`
      insert into sessions (session_token, user_id, last_used_at)
      select encode(sha256(n::text::bytea), 'hex'), ${userId}::uuid, now() - interval '15 days' - n * interval '1 second'
      from generate_series(${from}::int, ${to}::int) as n`);
  await fill(1, maxDeleted + 500);
  expect(await remove()).toBe(maxDeleted);
  expect(await db.$count(sessions, sql`last_used_at < now() - interval '15 days 600 seconds'`)).toBe(0);

  await fill(1_001, maxDeleted + 1_000);
  // How the two share the rows depends on who locks which first.
  const both = await Promise.all([remove(), remove()]);
  expect(Math.max(...both)).toBeLessThanOrEqual(maxDeleted);
  expect(both[0] + both[1] + (await db.$count(sessions))).toBe(maxDeleted + 500);
  while (await remove());
  expect(await db.$count(sessions)).toBe(0);
});
