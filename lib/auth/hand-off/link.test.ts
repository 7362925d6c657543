import { randomUUID } from "node:crypto";
import { eq } from "drizzle-orm";
import { expect, test } from "vitest";
import { database } from "@/lib/db/client";
import { handOffs } from "@/lib/db/schema/auth";
import { users } from "@/lib/db/schema/users";
import { testSettings } from "@/lib/testing/unique";
import { makeUser, withDatabase } from "@/lib/testing/with-database";
import { deleteExpiredHandOffs } from "../expired";
import { createHandOff, readHandOff, redeemHandOff } from "./link";

Object.assign(process.env, testSettings);
withDatabase();

const now = new Date("2026-11-20T12:00:00Z");
const later = (seconds: number) => new Date(now.getTime() + seconds * 1_000);
const tokenOf = (url: string) => new URL(url).searchParams.get("token") ?? "";

test("a hand-off works once, however many redeem it at once, and reading it doesn't use it up", async () => {
  const userId = await makeUser({ registered: false });
  const token = tokenOf((await createHandOff({ userId, returnTo: "/connections", now })).url);
  for (let scan = 0; scan < 3; scan++) expect(await readHandOff(token, later(59))).toMatchObject({ userId });
  const redeemed = await Promise.all(Array.from({ length: 8 }, () => redeemHandOff(token, later(59))));
  expect(redeemed.filter(Boolean)).toEqual([{ userId, returnTo: "/connections" }]);
  expect(await readHandOff(token, later(59))).toBeNull();
});

test("a hand-off ends after sixty seconds, and then retention removes it", async () => {
  const userId = await makeUser({ registered: false });
  const token = tokenOf((await createHandOff({ userId, returnTo: "/", now })).url);
  expect(await readHandOff(token, later(60))).toBeNull();
  expect(await redeemHandOff(token, later(60))).toBeNull();
  expect(await deleteExpiredHandOffs(later(61))).toBeGreaterThan(0);
  expect(await redeemHandOff(token, now)).toBeNull();
});

test("the database never holds a hand-off's token, and what it holds opens nothing", async () => {
  const userId = await makeUser({ registered: false });
  const token = tokenOf((await createHandOff({ userId, returnTo: "/notifications", now })).url);
  const [stored] = await (await database()).select().from(handOffs).where(eq(handOffs.userId, userId));
  expect(JSON.stringify(stored)).not.toContain(token);
  for (const stolen of [stored?.tokenHash ?? "", stored?.id ?? "", ""])
    expect(await redeemHandOff(stolen, now)).toBeNull();
});

test("a repeated request makes one hand-off, whose earlier address stops working", async () => {
  const [id, userId] = [randomUUID(), await makeUser({ registered: false })];
  const make = async () => tokenOf((await createHandOff({ id, userId, returnTo: "/", now })).url);
  const [first, second] = [await make(), await make()];
  expect(await redeemHandOff(first, now)).toBeNull();
  expect(await redeemHandOff(second, now)).toMatchObject({ userId });
});

test("nobody is handed over to an account that is being deleted", async () => {
  const userId = await makeUser({ registered: false });
  const token = tokenOf((await createHandOff({ userId, returnTo: "/", now })).url);
  await (await database()).update(users).set({ deletionRequestedAt: now }).where(eq(users.id, userId));
  expect(await readHandOff(token, now)).toBeNull();
  await expect(createHandOff({ userId, returnTo: "/", now })).rejects.toThrow();
});

test.each(["https://evil.example/", "//evil.example", "/\\evil.example", "connections", ""])(
  "a hand-off never leads to %j",
  async (returnTo) => {
    const userId = await makeUser({ registered: false });
    await expect(createHandOff({ userId, returnTo, now })).rejects.toThrow();
  },
);
