import { randomUUID } from "node:crypto";
import { eq, inArray } from "drizzle-orm";
import { beforeEach, describe, expect, test } from "vitest";
import { env } from "@/lib/base/env";
import { boundTo } from "@/lib/connections/observations/snaptrade-user";
import { database } from "@/lib/db/client";
import { apiKeys, apiRequests } from "@/lib/db/schema/api";
import { snapTradeUsers, users } from "@/lib/db/schema/users";
import { isSealedWithFirstKey, openSecret, sealSecret } from "@/lib/snaptrade/user-secret";
import { testSettings } from "@/lib/testing/unique";
import { withDatabase } from "@/lib/testing/with-database";
import { apiAnswers, rotateKeys, userSecrets } from "./rotate-keys";

const key = (fill: number) => Buffer.alloc(32, fill).toString("base64");
Object.assign(process.env, testSettings, { ENCRYPTION_KEYS: `new:${key(2)},old:${key(1)}` });
withDatabase();

const oldKeys = () => env().ENCRYPTION_KEYS.slice(1);
const batchSize = 10;

beforeEach(async () => {
  await (await database()).delete(users);
});

/** People whose secrets are sealed with the older key. */
async function makeSealed(count: number): Promise<string[]> {
  const db = await database();
  const made = await db
    .insert(users)
    .values(Array.from({ length: count }, () => ({ email: `${randomUUID()}@example.com` })))
    .returning({ userId: users.id });
  const rows = made.map(({ userId }) => {
    const snapTradeUserId = randomUUID();
    const sealedSecret = sealSecret(`secret of ${userId}`, boundTo(userId, snapTradeUserId), oldKeys());
    return { userId, snapTradeUserId, sealedSecret, registeredAt: new Date() };
  });
  await db.insert(snapTradeUsers).values(rows);
  return rows.map(({ userId }) => userId);
}

async function read(userIds: string[]) {
  const rows = await (
    await database()
  )
    .select()
    .from(snapTradeUsers)
    .where(inArray(snapTradeUsers.userId, userIds));
  return rows.map((row) => ({
    isNew: isSealedWithFirstKey(row.sealedSecret),
    opens:
      openSecret(row.sealedSecret, boundTo(row.userId, row.snapTradeUserId)) === `secret of ${row.userId}`,
  }));
}

describe("rotating the encryption keys", () => {
  test("reseals every secret, counts them, and does nothing the second time", async () => {
    const people = await makeSealed(35);
    expect(await rotateKeys(userSecrets, undefined, batchSize)).toMatchObject({
      resealed: 35,
      left: 0,
      unreadable: 0,
    });
    expect((await read(people)).every(({ isNew, opens }) => isNew && opens)).toBe(true);
    expect(await rotateKeys(userSecrets, undefined, batchSize)).toMatchObject({
      seen: 35,
      resealed: 0,
      left: 0,
    });
  });

  test("a run that dies halfway loses nothing, and the next one reseals only the rest", async () => {
    const people = await makeSealed(35);
    const dying = rotateKeys(
      userSecrets,
      ({ resealed }) => {
        if (resealed >= 20) throw new Error("killed");
      },
      batchSize,
    );
    await expect(dying).rejects.toThrow("killed");
    const halfway = await read(people);
    expect(halfway.filter(({ isNew }) => isNew)).toHaveLength(20);
    expect(halfway.every(({ opens }) => opens)).toBe(true);
    expect(await rotateKeys(userSecrets, undefined, batchSize)).toMatchObject({ resealed: 15, left: 0 });
  });

  test("a secret that something else changes between reading and writing is never overwritten", async () => {
    const [userId = ""] = await makeSealed(1);
    const db = await database();
    const snapTradeUserId = randomUUID();
    const newer = sealSecret(`secret of ${userId}`, boundTo(userId, snapTradeUserId), oldKeys());
    const own = eq(snapTradeUsers.userId, userId);
    const [before] = await db.select().from(snapTradeUsers).where(own);
    const rotating = rotateKeys(userSecrets, undefined, batchSize);
    await db.update(snapTradeUsers).set({ snapTradeUserId, sealedSecret: newer }).where(own);
    await rotating;
    const [after] = await db.select().from(snapTradeUsers).where(own);
    expect(after?.snapTradeUserId).toBe(snapTradeUserId);
    expect(after?.sealedSecret).not.toBe(before?.sealedSecret);
    expect(await read([userId])).toMatchObject([{ opens: true }]);
    await rotateKeys(userSecrets, undefined, batchSize);
    expect(await read([userId])).toEqual([{ isNew: true, opens: true }]);
  });

  test("a secret that opens under no key is counted, named by our id, and left as it is", async () => {
    const [damaged = "", ...others] = await makeSealed(12);
    const db = await database();
    const own = eq(snapTradeUsers.userId, damaged);
    await db.update(snapTradeUsers).set({ sealedSecret: "gone.AAAA" }).where(own);
    expect(await rotateKeys(userSecrets, undefined, batchSize)).toMatchObject({
      resealed: 11,
      left: 0,
      unreadable: 1,
      unreadableIds: [damaged],
    });
    expect(await db.select({ sealed: snapTradeUsers.sealedSecret }).from(snapTradeUsers).where(own)).toEqual([
      { sealed: "gone.AAAA" },
    ]);
    expect((await read(others)).every(({ isNew, opens }) => isNew && opens)).toBe(true);
  });
});

test("a stored answer of the API is resealed too, and one that is still being made is left alone", async () => {
  const db = await database();
  const at = new Date();
  const [key] = await db
    .insert(apiKeys)
    .values({ name: "server", secretHash: "0".repeat(64), scopes: [], createdAt: at })
    .returning();
  const request = { apiKeyId: key?.id ?? "", requestHash: "", createdAt: at, lockedUntil: at };
  const [done, running] = [randomUUID(), randomUUID()];
  const sealedAnswer = sealSecret('{"url":"secret"}', done, oldKeys());
  await db.insert(apiRequests).values([
    { ...request, id: done, idempotencyHash: "done", status: 201, sealedAnswer },
    { ...request, id: running, idempotencyHash: "running" },
  ]);
  expect(await rotateKeys(apiAnswers)).toMatchObject({ resealed: 1, left: 0, unreadable: 0 });
  const [row] = await db.select().from(apiRequests).where(eq(apiRequests.id, done));
  expect(isSealedWithFirstKey(row?.sealedAnswer ?? "")).toBe(true);
  expect(openSecret(row?.sealedAnswer ?? "", done)).toBe('{"url":"secret"}');
});
