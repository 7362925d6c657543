import { randomUUID } from "node:crypto";
import { eq, sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { database, transaction } from "./client";
import type { OpenDatabase, Transaction } from "./database";
import { TimeLimitError, usualLimits } from "./limits";
import { users } from "@/lib/db/schema/users";
import { withDatabase } from "@/lib/testing/with-database";

withDatabase();

const newEmail = () => `${randomUUID()}@example.com`;
const add = (tx: Transaction, email: string) => tx.insert(users).values({ email });
const isKept = async (email: string) =>
  (await (await database()).select().from(users).where(eq(users.email, email))).length > 0;

test("a transaction commits everything together", async () => {
  const [one, other] = [newEmail(), newEmail()];
  await transaction(async (tx) => {
    await add(tx, one);
    await add(tx, other);
  });
  expect([await isKept(one), await isKept(other)]).toEqual([true, true]);
});

test("work that throws leaves nothing behind, and its error reaches the caller", async () => {
  const email = newEmail();
  const failing = transaction(async (tx) => {
    await add(tx, email);
    throw new Error("on purpose");
  });
  await expect(failing).rejects.toThrow("on purpose");
  expect(await isKept(email)).toBe(false);
});

test("a failed statement that the work ignores rolls back the whole transaction and throws", async () => {
  const email = newEmail();
  const ignoring = transaction(async (tx) => {
    await add(tx, email);
    await tx.execute(sql`select 1 / 0`).catch(() => undefined);
  });
  await expect(ignoring).rejects.toThrow();
  expect(await isKept(email)).toBe(false);
});

test("queries on a transaction that has ended are refused", async () => {
  const email = newEmail();
  const kept = await transaction((tx) => Promise.resolve({ tx }));
  await expect(add(kept.tx, email).execute()).rejects.toThrow();
  expect(await isKept(email)).toBe(false);
});

test("a transaction that takes too long is rolled back, and others carry on", async () => {
  const opened = await (globalThis as { reconnectDatabase?: Promise<OpenDatabase> }).reconnectDatabase;
  const [late, next] = [newEmail(), newEmail()];
  const slow = opened?.transaction(
    async (tx) => {
      await add(tx, late);
      await new Promise(() => undefined);
    },
    { ...usualLimits, transactionMs: 300 },
  );
  await expect(slow).rejects.toThrow(TimeLimitError);
  await transaction((tx) => add(tx, next));
  expect([await isKept(late), await isKept(next)]).toEqual([false, true]);
});
