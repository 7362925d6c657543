import { randomUUID } from "node:crypto";
import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { database } from "@/lib/db/client";
import { rateLimits } from "@/lib/db/schema/work";
import { testSettings } from "@/lib/testing/unique";
import { withDatabase } from "@/lib/testing/with-database";
import { take } from "./limits";

Object.assign(process.env, testSettings);
withDatabase();

const start = new Date("2026-11-20T12:00:00Z");
const after = (seconds: number) => new Date(start.getTime() + seconds * 1_000);
const look = (subject: string, now: Date) => take("look by person", subject, now);

test("concurrent requests together get the burst, and no more", async () => {
  const subject = randomUUID();
  const waits = await Promise.all(Array.from({ length: 40 }, () => look(subject, start)));
  expect(waits.filter((wait) => wait === 0)).toHaveLength(6);
  expect(waits.filter((wait) => wait === 10)).toHaveLength(34);
});

test("after the wait there is room for one more, however often the refused one tried", async () => {
  const subject = randomUUID();
  for (let count = 0; count < 30; count++) await look(subject, start);
  expect(await look(subject, after(9))).toBeGreaterThan(0);
  expect(await look(subject, after(10))).toBe(0);
  expect(await look(subject, after(10))).toBeGreaterThan(0);
});

test("one subject's requests, and other limits, leave the others their room", async () => {
  const [busy, calm] = [randomUUID(), randomUUID()];
  for (let count = 0; count < 10; count++) await look(busy, start);
  expect(await look(calm, start)).toBe(0);
  expect(await take("login link by person", busy, start)).toBe(0);
});

test("a process whose clock is an hour ahead locks nobody out for the others", async () => {
  const subject = randomUUID();
  for (let count = 0; count < 10; count++) await look(subject, after(3_600));
  expect(await look(subject, start)).toBe(0);
});

test.each([0.001, 0.05, 60])("a clock that is %d s behind grants nothing more", async (seconds) => {
  const subject = randomUUID();
  for (let count = 0; count < 10; count++) await look(subject, start);
  for (let count = 0; count < 10; count++) expect(await look(subject, after(-seconds))).toBeGreaterThan(0);
});

test("the table names nobody, and rows that no longer limit anything are deleted", async () => {
  const address = "203.0.113.77";
  for (let count = 0; count < 40; count++)
    await take("rejected webhook by address", `${address}${count}`, start);
  const db = await database();
  expect(JSON.stringify(await db.select().from(rateLimits))).not.toContain(address);
  for (let count = 0; count < 10; count++)
    await take("rejected webhook by address", randomUUID(), after(7_200));
  const old = sql`${rateLimits.freeAt} < ${after(3_700).toISOString()}::timestamptz`;
  expect(await db.$count(rateLimits, old)).toBe(0);
});
