import { randomUUID } from "node:crypto";
import { eq, inArray } from "drizzle-orm";
import { beforeEach, describe, expect, test } from "vitest";
import { look } from "@/lib/connections/look/look";
import { recordUserDeleted } from "@/lib/connections/observations/gone";
import { requireSnapTradeCredentials } from "@/lib/connections/observations/snaptrade-user";
import { listConnectionViews } from "@/lib/connections/pages/list";
import { database, transaction } from "@/lib/db/client";
import { formerSnapTradeUsers } from "@/lib/db/schema/former-users";
import { notices } from "@/lib/db/schema/notices";
import { snapTradeUsers, users } from "@/lib/db/schema/users";
import { snapTradeCalls } from "@/lib/db/schema/work";
import { registerSnapTradeUser, resetSnapTradeUserSecret } from "@/lib/snaptrade/users";
import { withEmulator } from "@/lib/testing/connections";
import { makeUser, withDatabase } from "@/lib/testing/with-database";
import { adoptUser } from "./adopt";
import { getUserByExternalId } from "./find";
import { saveUser } from "./save";

withDatabase();
const emulator = withEmulator();
const now = new Date();

beforeEach(async () => {
  await emulator.clearFaults("/faults");
  await emulator.post("/settings", { rateLimit: 100_000 });
});

/** A person as the company knows them, with these connections at SnapTrade. */
async function makeTheirs(...connections: { brokerage: string; disabled?: boolean }[]) {
  const credentials = await registerSnapTradeUser(randomUUID(), "the company");
  for (const connection of connections)
    await emulator.post(`/users/${credentials.snapTradeUserId}/connections`, connection);
  return { externalId: `customer ${randomUUID()}`, ...credentials };
}

async function countCalls<T>(work: () => Promise<T>): Promise<{ result: T; calls: number }> {
  const db = await database();
  const before = await db.$count(snapTradeCalls);
  const result = await work();
  return { result, calls: (await db.$count(snapTradeCalls)) - before };
}

const statusesOf = async (userId: string) =>
  (await listConnectionViews(userId, { now, dayStartedAt: now })).connections.map(({ status }) => status);

describe("adopting a person", () => {
  test("costs one read, shows their connections at once, and sends nothing about breaks that are already there", async () => {
    const theirs = await makeTheirs({ brokerage: "QUESTRADE" }, { brokerage: "KRAKEN", disabled: true });
    const { result, calls } = await countCalls(() => adoptUser(theirs, now));
    expect(result).toMatchObject({ result: "adopted" });
    expect(calls).toBe(1);
    const found = await getUserByExternalId(theirs.externalId);
    expect(found).toMatchObject({ email: null, snapTradeUserId: theirs.snapTradeUserId, adoptedAt: now });
    expect((await statusesOf(found?.userId ?? "")).sort()).toEqual(["connected", "disabled"]);
    const db = await database();
    const about = await db
      .select()
      .from(notices)
      .where(eq(notices.userId, found?.userId ?? ""));
    expect(about).toMatchObject([{ kind: "broke", mail: "cancelled", lastError: "before adoption" }]);
    const [row] = await db
      .select()
      .from(snapTradeUsers)
      .where(eq(snapTradeUsers.userId, found?.userId ?? ""));
    expect(row).toMatchObject({ watched: true, lookedAt: now });
    expect(row?.sealedSecret).not.toContain(theirs.userSecret);
  });

  test("again changes nothing and asks SnapTrade nothing; new details are stored", async () => {
    const theirs = await makeTheirs();
    await adoptUser(theirs, now);
    const again = await countCalls(() => adoptUser(theirs, new Date()));
    expect(again).toMatchObject({ result: { result: "unchanged" }, calls: 0 });
    const email = `${randomUUID()}@example.com`;
    const more = { ...theirs, email, locale: "fr-CA", timeZone: "America/Toronto" };
    expect(await countCalls(() => adoptUser(more, now))).toMatchObject({
      result: { result: "updated" },
      calls: 0,
    });
    expect(await getUserByExternalId(theirs.externalId)).toMatchObject({
      email,
      locale: "fr-CA",
      timeZone: "America/Toronto",
    });
    expect(await adoptUser(theirs, now)).toMatchObject({ result: "unchanged" });
  });

  test("twenty times at once makes one person", async () => {
    const theirs = await makeTheirs({ brokerage: "QUESTRADE" });
    const results = await Promise.all(Array.from({ length: 20 }, () => adoptUser(theirs, now)));
    expect(results.filter(({ result }) => result === "adopted")).toHaveLength(1);
    expect(results.filter(({ result }) => result === "unchanged")).toHaveLength(19);
    const db = await database();
    expect(await db.$count(users, eq(users.externalId, theirs.externalId))).toBe(1);
  });

  test("who has no SnapTrade user here yet keeps their id", async () => {
    const theirs = await makeTheirs({ brokerage: "QUESTRADE" });
    const saved = await saveUser({ externalId: theirs.externalId });
    const adopted = await adoptUser(theirs, now);
    expect(saved).toMatchObject({ result: "created" });
    expect(adopted).toEqual({ result: "adopted", userId: "userId" in saved ? saved.userId : "" });
  });

  test("with a secret that the company has replaced stores the new one and ends a refusal", async () => {
    const theirs = await makeTheirs({ brokerage: "QUESTRADE" });
    const adopted = await adoptUser(theirs, now);
    const userId = "userId" in adopted ? adopted.userId : "";
    const userSecret = await resetSnapTradeUserSecret(theirs);
    expect(await look(userId)).toEqual({ looked: false, reason: "user-refused" });
    const renewed = await countCalls(() => adoptUser({ ...theirs, userSecret }, new Date()));
    expect(renewed).toMatchObject({ result: { result: "updated", userId }, calls: 1 });
    expect(await look(userId)).toMatchObject({ looked: true });
    expect(await adoptUser(theirs, now)).toEqual({ result: "rejected", reason: "secret-refused" });
    expect(await look(userId)).toMatchObject({ looked: true });
  });
});

test.each(["another", "the same"])(
  "someone whom SnapTrade deleted works again once the company sends them with %s secret that works",
  async (which) => {
    const theirs = await makeTheirs({ brokerage: "QUESTRADE" });
    const adopted = await adoptUser(theirs, now);
    const userId = "userId" in adopted ? adopted.userId : "";
    await transaction((tx) => recordUserDeleted(tx, theirs.snapTradeUserId, now));
    expect(await look(userId)).toEqual({ looked: false, reason: "nobody" });
    const userSecret = which === "another" ? await resetSnapTradeUserSecret(theirs) : theirs.userSecret;
    expect(await adoptUser({ ...theirs, userSecret }, new Date())).toEqual({ result: "updated", userId });
    expect(await look(userId)).toMatchObject({ looked: true });
  },
);

describe("is rejected, leaving everything as it was,", () => {
  const reasonFor = async (person: Parameters<typeof adoptUser>[0]) => {
    const { result, calls } = await countCalls(() => adoptUser(person, now));
    return { reason: "reason" in result ? result.reason : null, calls };
  };

  test("when this person has another SnapTrade user, or the SnapTrade user another person", async () => {
    const [one, other] = [await makeTheirs(), await makeTheirs()];
    await adoptUser(one, now);
    expect(await reasonFor({ ...other, externalId: one.externalId })).toEqual({
      reason: "has-another-snaptrade-user",
      calls: 0,
    });
    expect(await reasonFor({ ...one, externalId: other.externalId })).toEqual({
      reason: "snaptrade-user-taken",
      calls: 0,
    });
    expect(await getUserByExternalId(other.externalId)).toBeNull();
  });

  test("when the e-mail address is another person's", async () => {
    const userId = await makeUser();
    const [{ email } = { email: null }] = await (
      await database()
    )
      .select()
      .from(users)
      .where(eq(users.id, userId));
    expect(await reasonFor({ ...(await makeTheirs()), email })).toEqual({ reason: "email-taken", calls: 0 });
  });

  test("when SnapTrade refuses the secret or doesn't know the user", async () => {
    const theirs = await makeTheirs();
    expect(await reasonFor({ ...theirs, userSecret: "wrong" })).toEqual({
      reason: "secret-refused",
      calls: 1,
    });
    expect(await reasonFor({ ...theirs, snapTradeUserId: "nobody" })).toMatchObject({
      reason: "secret-refused",
    });
    expect(await getUserByExternalId(theirs.externalId)).toBeNull();
  });

  test("when the SnapTrade user is being deleted", async () => {
    const theirs = await makeTheirs();
    const { snapTradeUserId } = theirs;
    const why = { why: "refused" as const, since: now, runAt: now };
    await (
      await database()
    )
      .insert(formerSnapTradeUsers)
      .values({ ...why, snapTradeUserId, userId: await makeUser() });
    expect(await reasonFor(theirs)).toEqual({ reason: "being-deleted", calls: 0 });
  });

  test("and may be tried again, when SnapTrade doesn't answer", async () => {
    const theirs = await makeTheirs();
    await emulator.post(`/users/${theirs.snapTradeUserId}/faults`, {
      endpoint: "list",
      kind: "html502",
      times: 1,
    });
    await expect(adoptUser(theirs, now)).rejects.toMatchObject({ kind: "away" });
    expect(await getUserByExternalId(theirs.externalId)).toBeNull();
    expect(await adoptUser(theirs, now)).toMatchObject({ result: "adopted" });
  });
});

test("a refused adopted person is not registered again, and keeps their SnapTrade user", async () => {
  const theirs = await makeTheirs({ brokerage: "QUESTRADE" });
  const adopted = await adoptUser(theirs, now);
  const userId = "userId" in adopted ? adopted.userId : "";
  await resetSnapTradeUserSecret(theirs);
  for (const reason of ["refused", "deleted"] as const) {
    const db = await database();
    await db
      .update(snapTradeUsers)
      .set({ goneAt: now, goneReason: reason })
      .where(eq(snapTradeUsers.userId, userId));
    await expect(requireSnapTradeCredentials(userId, now)).rejects.toThrow("no longer gives us access");
    expect(await db.$count(formerSnapTradeUsers, inArray(formerSnapTradeUsers.userId, [userId]))).toBe(0);
    expect(await getUserByExternalId(theirs.externalId)).toMatchObject({
      snapTradeUserId: theirs.snapTradeUserId,
    });
  }
});
