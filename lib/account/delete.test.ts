import { randomUUID } from "node:crypto";
import { eq } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import { authOptions } from "@/lib/auth/config";
import { readSession, startSession } from "@/lib/auth/sessions";
import { database } from "@/lib/db/client";
import { formerSnapTradeUsers } from "@/lib/db/schema/former-users";
import { snapTradeUsers, users } from "@/lib/db/schema/users";
import { withDatabase } from "@/lib/testing/with-database";
import { env } from "@/lib/base/env";
import { requestForgetting } from "./delete";
import { look } from "@/lib/connections/look/look";
import { openConnect, openReconnect } from "@/lib/connections/portal/open";
import { requireSnapTradeCredentials } from "@/lib/connections/observations/snaptrade-user";
import { minutes, withOwners } from "@/lib/testing/deletion";

withDatabase();
const { emulator, owner, round } = withOwners();

async function isLeft(userId: string) {
  const rows = await (await database()).select().from(users).where(eq(users.id, userId));
  return rows.length > 0;
}

const requestsTo = async (path: string) => {
  const { requests } = await emulator.get<{ requests: { path: string }[] }>("/state");
  return requests.filter((request) => request.path.startsWith(path)).length;
};

describe("deleting an account", () => {
  test("asks SnapTrade first, and erases everything once that is confirmed", async () => {
    const { userId, path } = await owner();
    await emulator.post("/faults", { endpoint: "deleteUser", kind: "status", status: 503, times: 1 });
    await requestForgetting(userId, minutes(0));
    expect(await isLeft(userId)).toBe(true);
    await round(minutes(1));
    await emulator.post(`${path}/advance`, { seconds: 60 });
    expect(await round(minutes(3))).toMatchObject({ forgotten: 1 });
    expect(await isLeft(userId)).toBe(false);
  });

  test("finishes at once without a SnapTrade user, and signing up again creates a new person", async () => {
    const db = await database();
    const email = `${randomUUID()}@example.com`;
    const [first] = await db.insert(users).values({ email }).returning();
    await requestForgetting(first?.id ?? "", new Date());
    expect(await isLeft(first?.id ?? "")).toBe(false);
    const { adapter } = await authOptions();
    await (adapter?.createUser as (user: { email: string; emailVerified: null }) => Promise<unknown>)({
      email,
      emailVerified: null,
    });
    const [again] = await db.select().from(users).where(eq(users.email, email));
    expect(again?.id).not.toBe(first?.id);
    await db.delete(users).where(eq(users.email, email));
  });

  test.each([
    { name: "404", faults: [] },
    { name: "401 0000", faults: [{ kind: "status", status: 401, code: "0000" }] },
    { name: "401 1083", faults: [{ kind: "status", status: 401, code: "1083" }] },
  ])(
    "finishes with the next $name after SnapTrade accepted it, even if no event ever arrives",
    async ({ faults }) => {
      const { userId, path } = await owner();
      await requestForgetting(userId, minutes(0));
      await emulator.post(`${path}/advance`, { seconds: 60 });
      for (const fault of faults) await emulator.post(`${path}/faults`, { endpoint: "*", ...fault });
      expect(await round(minutes(1))).toMatchObject({ forgotten: 1 });
      expect(await isLeft(userId)).toBe(false);
    },
  );

  test("retries at growing intervals while SnapTrade refuses, and finishes once it accepts", async () => {
    const { userId, path } = await owner();
    await emulator.post("/faults", { endpoint: "*", kind: "status", status: 401, code: "0000" });
    await requestForgetting(userId, minutes(0));
    const before = (await requestsTo("/snapTrade/deleteUser")) + (await requestsTo("/authorizations"));
    for (let minute = 1; minute <= 20; minute++) await round(minutes(minute));
    const asked =
      (await requestsTo("/snapTrade/deleteUser")) + (await requestsTo("/authorizations")) - before;
    expect(asked).toBeLessThanOrEqual(4);
    expect(await isLeft(userId)).toBe(true);
    await emulator.clearFaults("/faults");
    await round(minutes(1_440));
    await emulator.post(`${path}/advance`, { seconds: 60 });
    expect(await round(minutes(3_000))).toMatchObject({ forgotten: 1 });
  });

  test("is requested again until it happens, even if SnapTrade accepted it and lost it", async () => {
    const { userId, path } = await owner();
    await emulator.post(`${path}/settings`, { removal: "lost-job", userDeletion: "lost-job" });
    await requestForgetting(userId, minutes(0));
    await round(minutes(1));
    await round(minutes(3));
    expect(await isLeft(userId)).toBe(true);
    await emulator.post(`${path}/settings`, { removal: "normal", userDeletion: "normal" });
    await round(minutes(60));
    await emulator.post(`${path}/advance`, { seconds: 60 });
    await round(minutes(400));
    expect(await isLeft(userId)).toBe(false);
  });

  test("is not delayed by another person's failing deletion", async () => {
    const stuck = await owner();
    const other = await owner();
    await emulator.post(`${stuck.path}/faults`, { endpoint: "deleteUser", kind: "status", status: 500 });
    for (const { userId } of [stuck, other]) await requestForgetting(userId, minutes(0));
    await emulator.post(`${other.path}/advance`, { seconds: 60 });
    expect(await round(minutes(1))).toMatchObject({ forgotten: 1 });
    expect([await isLeft(stuck.userId), await isLeft(other.userId)]).toEqual([true, false]);
  });

  test("interrupted by a crash is finished by later rounds", async () => {
    const { userId, path } = await owner();
    await (
      await database()
    )
      .update(users)
      .set({ deletionRequestedAt: minutes(0), deletionRunAt: minutes(0) })
      .where(eq(users.id, userId));
    await round(minutes(1));
    await emulator.post(`${path}/advance`, { seconds: 60 });
    await round(minutes(2));
    expect(await isLeft(userId)).toBe(false);
  });
});

describe("while an account is being deleted", () => {
  test("nobody can sign in to it, and its sessions are no longer valid", async () => {
    const { userId, email } = await owner();
    const { callbacks, adapter } = await authOptions();
    const account = { type: "email" as const, provider: "email", providerAccountId: email };
    const signIn = async () => {
      const user = await adapter?.getUserByEmail?.(email);
      return user && callbacks?.signIn?.({ user, account });
    };
    expect(await signIn()).toBe(true);
    await requestForgetting(userId, new Date());
    expect(await signIn()).toBe(`${env().APP_URL}/account/deleted`);

    // As if by a link that was opened at the same moment.
    const token = randomUUID();
    await startSession({ token, userId, device: "", now: new Date() });
    expect(await readSession(token, new Date())).toBeNull();
  });

  test("nothing can be opened, connected or registered", async () => {
    const { userId, path, connectionId } = await owner();
    await emulator.post(`${path}/connections/${connectionId}/break`);
    await look(userId);
    await requestForgetting(userId, new Date());
    const request = { userId, darkMode: false, now: new Date() };
    await expect(openReconnect({ ...request, connectionId })).rejects.toMatchObject({
      code: "account-deleting",
    });
    await expect(openConnect({ ...request, brokerage: "QUESTRADE", beside: true })).rejects.toMatchObject({
      code: "account-deleting",
    });
    await expect(requireSnapTradeCredentials(userId, new Date())).rejects.toMatchObject({
      code: "account-deleting",
    });
  });

  test("a registration in flight is discarded, and its SnapTrade user is deleted too", async () => {
    const db = await database();
    const { userId, path } = await owner();
    await db.delete(snapTradeUsers).where(eq(snapTradeUsers.userId, userId));
    await emulator.post("/faults", { endpoint: "register", kind: "delay", delayMs: 600, times: 1 });
    const registering = requireSnapTradeCredentials(userId, minutes(0));
    registering.catch(() => undefined);
    await expect.poll(async () => (await db.select().from(formerSnapTradeUsers)).length).toBe(1);
    await requestForgetting(userId, minutes(0));
    await expect(registering).rejects.toMatchObject({ code: "account-deleting" });
    const everybody = async () =>
      (await emulator.get<{ userId: string }[]>("/users")).map(({ userId }) => userId);
    expect(await everybody()).toHaveLength(2);
    await emulator.post("/settings", { deleteDelaySeconds: 0 });
    await round(minutes(6));
    await round(minutes(8));
    expect(await isLeft(userId)).toBe(false);
    expect(await everybody()).toEqual([path.split("/").at(-1)]);
  });
});
