import { randomUUID } from "node:crypto";
import { eq } from "drizzle-orm";
import { expect, test } from "vitest";
import { database } from "@/lib/db/client";
import { sessions } from "@/lib/db/schema/auth";
import { follow } from "@/lib/live";
import { testSettings } from "@/lib/testing/unique";
import { makeUser, withDatabase } from "@/lib/testing/with-database";
import {
  endSession,
  listSessions,
  readSession,
  revokeOtherSessions,
  revokeSession,
  startSession,
} from "./sessions";

Object.assign(process.env, testSettings);
withDatabase();

const day = 86_400_000;
const start = new Date("2026-11-20T12:00:00Z");
const after = (ms: number) => new Date(start.getTime() + ms);

async function signIn(userId: string, now = start, device = "Firefox on Linux"): Promise<string> {
  const token = randomUUID();
  await startSession({ token, userId, device, now });
  return token;
}

test("the database never holds a session's token, only its hash", async () => {
  const token = await signIn(await makeUser());
  const rows = await (await database()).select().from(sessions);
  expect(rows.length).toBeGreaterThan(0);
  expect(JSON.stringify(rows)).not.toContain(token);
  const plain = { tokenHash: token, userId: await makeUser() };
  await expect((await database()).insert(sessions).values(plain)).rejects.toThrow();
});

test("what the database holds doesn't sign anyone in", async () => {
  const userId = await makeUser();
  await signIn(userId);
  const [row] = await (await database()).select().from(sessions).where(eq(sessions.userId, userId));
  for (const stolen of [row?.tokenHash ?? "", row?.id ?? "", ""])
    expect(await readSession(stolen, start)).toBeNull();
});

test("a session that isn't used for fourteen days ends, and using it starts the fourteen days again", async () => {
  const userId = await makeUser();
  const token = await signIn(userId);
  expect(await readSession(token, after(13 * day))).toMatchObject({ user: { id: userId } });
  expect(await readSession(token, after(26 * day))).not.toBeNull();
  expect(await listSessions(userId, after(40 * day + 1))).toEqual([]);
  expect(await readSession(token, after(40 * day + 1))).toBeNull();
});

test("a session ends after sixty days, however often it is used", async () => {
  const token = await signIn(await makeUser());
  for (let days = 10; days < 60; days += 10)
    expect(await readSession(token, after(days * day))).not.toBeNull();
  expect(await readSession(token, after(60 * day - 1))).not.toBeNull();
  expect(await readSession(token, after(60 * day))).toBeNull();
});

test("use is written at most once every five minutes", async () => {
  const userId = await makeUser();
  const token = await signIn(userId);
  const usedAt = async () => (await listSessions(userId, after(day)))[0]?.lastUsedAt;
  await readSession(token, after(4 * 60_000));
  expect(await usedAt()).toEqual(start);
  await readSession(token, after(6 * 60_000));
  expect(await usedAt()).toEqual(after(6 * 60_000));
});

test("a person ends one session or all others, and nobody else's", async () => {
  const [userId, strangerId] = [await makeUser(), await makeUser()];
  const [first, second, third] = [await signIn(userId), await signIn(userId), await signIn(userId)];
  const theirs = await signIn(strangerId);
  const idOf = async (token: string) => (await readSession(token, start))?.id ?? "";
  await revokeSession(userId, await idOf(theirs));
  expect(await readSession(theirs, start)).not.toBeNull();
  await revokeSession(userId, await idOf(first));
  await revokeSession(userId, randomUUID());
  expect(await readSession(first, start)).toBeNull();
  await revokeOtherSessions(userId, await idOf(third));
  expect(await readSession(second, start)).toBeNull();
  expect(await readSession(third, start)).not.toBeNull();
  expect(await readSession(theirs, start)).not.toBeNull();
  await endSession(third, start);
  expect(await listSessions(userId, start)).toEqual([]);
});

test("a person has at most fifty sessions, and signing in deletes their expired ones", async () => {
  const userId = await makeUser();
  await signIn(userId, after(-15 * day));
  const tokens: string[] = [];
  for (let count = 0; count < 52; count++) tokens.push(await signIn(userId, after(count)));
  expect(await listSessions(userId, after(100))).toHaveLength(50);
  expect(await readSession(tokens[0] ?? "", after(100))).toBeNull();
  expect(await readSession(tokens[51] ?? "", after(100))).not.toBeNull();
  expect(await (await database()).$count(sessions, eq(sessions.userId, userId))).toBe(50);
});

test("revoking a session ends its live stream, and only its own", async () => {
  const userId = await makeUser();
  const [lost, kept] = [await signIn(userId), await signIn(userId)];
  const ids = await Promise.all(
    [lost, kept].map(async (token) => (await readSession(token, start))?.id ?? ""),
  );
  const [lostId = "", keptId = ""] = ids;
  const ended: string[] = [];
  const closes: ((() => void) | null)[] = [];
  const over = new Promise<void>((resolve) => {
    for (const id of [lostId, keptId]) {
      const session = { id, onEnd: () => resolve(void ended.push(id)) };
      void follow(userId, () => undefined, session).then((close) => closes.push(close));
    }
  });
  await expect.poll(() => closes.length).toBe(2);
  await revokeSession(userId, lostId);
  await over;
  expect(ended).toEqual([lostId]);
  for (const close of closes) close?.();
});

test("a stream of a session that has already ended ends at once", async () => {
  const userId = await makeUser();
  const ended: boolean[] = [];
  await follow(userId, () => undefined, { id: randomUUID(), onEnd: () => ended.push(true) });
  expect(ended).toEqual([true]);
});
