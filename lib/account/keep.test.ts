import { randomUUID } from "node:crypto";
import { eq } from "drizzle-orm";
import { expect, test } from "vitest";
import { database } from "@/lib/db/client";
import { formerSnapTradeUsers } from "@/lib/db/schema/former-users";
import { users } from "@/lib/db/schema/users";
import { adoptUser } from "@/lib/people/adopt";
import { registerSnapTradeUser } from "@/lib/snaptrade/users";
import { minutes, withOwners } from "@/lib/testing/deletion";
import { withDatabase } from "@/lib/testing/with-database";
import { keepsSnapTradeUser, requestForgetting } from "./delete";
import { resetUserSecret } from "./reset-secret";

withDatabase();
const { emulator, owner } = withOwners();

async function makeAdopted() {
  const theirs = {
    externalId: randomUUID(),
    ...(await registerSnapTradeUser(randomUUID(), "the company")),
  };
  await emulator.post(`/users/${theirs.snapTradeUserId}/connections`, { brokerage: "QUESTRADE" });
  const adopted = await adoptUser(theirs, minutes(0));
  return { ...theirs, userId: "userId" in adopted ? adopted.userId : "" };
}

const isAtSnapTrade = async (snapTradeUserId: string) =>
  (await emulator.get<{ userId: string }[]>("/users")).some(({ userId }) => userId === snapTradeUserId);
const isHere = async (userId: string) => (await (await database()).$count(users, eq(users.id, userId))) > 0;

test("deleting an adopted person leaves the company its SnapTrade user, and forgets the person at once", async () => {
  const theirs = await makeAdopted();
  expect(await keepsSnapTradeUser(theirs.userId)).toBe(true);
  await requestForgetting(theirs.userId, minutes(1));
  expect(await isHere(theirs.userId)).toBe(false);
  expect(await (await database()).$count(formerSnapTradeUsers)).toBe(0);
  expect(await adoptUser(theirs, minutes(2))).toMatchObject({ result: "adopted" });
  await emulator.post(`/users/${theirs.snapTradeUserId}/advance`, { seconds: 600 });
  expect(await isAtSnapTrade(theirs.snapTradeUserId)).toBe(true);
});

test("if asked, it deletes that SnapTrade user too, and the person cannot be adopted in between", async () => {
  const theirs = await makeAdopted();
  await requestForgetting(theirs.userId, minutes(1), { keepSnapTradeUser: false });
  expect(await isHere(theirs.userId)).toBe(true);
  expect(await adoptUser(theirs, minutes(1))).toEqual({ result: "rejected", reason: "being-deleted" });
  await emulator.post(`/users/${theirs.snapTradeUserId}/advance`, { seconds: 600 });
  expect(await isAtSnapTrade(theirs.snapTradeUserId)).toBe(false);
});

test("a SnapTrade user that we registered stays only if asked", async () => {
  const own = await owner();
  expect(await keepsSnapTradeUser(own.userId)).toBe(false);
  await requestForgetting(own.userId, minutes(1), { keepSnapTradeUser: true });
  expect(await isHere(own.userId)).toBe(false);
  await emulator.post(`/users/${own.snapTradeUserId}/advance`, { seconds: 600 });
  expect(await isAtSnapTrade(own.snapTradeUserId)).toBe(true);
});

test("an adopted person's secret is replaced only if asked in so many words", async () => {
  const { userId } = await makeAdopted();
  expect(await resetUserSecret(userId, "not used")).toBe("adopted");
});
