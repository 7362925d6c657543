import { eq } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import { database } from "@/lib/db/client";
import { formerSnapTradeUsers } from "@/lib/db/schema/former-users";
import { connections } from "@/lib/db/schema/connections";
import { snapTradeUsers } from "@/lib/db/schema/users";
import { withDatabase } from "@/lib/testing/with-database";
import { rounds } from "@/lib/db/schema/work";
import { env } from "@/lib/base/env";
import { reconcile } from "@/lib/reconcile/round";
import { deliver, makeEvent } from "@/lib/testing/webhooks";
import { processInbox } from "@/lib/webhooks/process";
import { listConnectionViews } from "@/lib/connections/pages/list";
import { look, lookIfDue } from "./look";
import { requestRemoval } from "./remove";
import {
  getSnapTradeCredentials,
  requireSnapTradeCredentials,
} from "@/lib/connections/observations/snaptrade-user";
import { grow, withWorld } from "@/lib/testing/connections";

withDatabase();
const { emulator, makePerson } = withWorld();

const start = Date.now();
const minutes = (n: number) => new Date(start + n * 60_000);
const refusing = { endpoint: "list", kind: "status", status: 401, code: "1083" };

async function owner() {
  const person = await makePerson();
  const { userId, path } = person;
  const view = (now = new Date()) => listConnectionViews(userId, { now, dayStartedAt: new Date(0) });
  const asked = async (what = "/authorizations") => {
    const { requests } = await emulator.get<{ requests: { path: string }[] }>(path);
    return requests.filter((request) => request.path === what).length;
  };
  return {
    ...person,
    snapTradeUserId: path.split("/").at(-1) ?? "",
    connectionId: person.ids[0] ?? "",
    view,
    asked,
  };
}

/** A round with nothing to do except for people whose secret is refused. */
async function round(now: Date) {
  const db = await database();
  await db.update(rounds).set({ lockedUntil: new Date(0) });
  return reconcile(now);
}

/** An event signed with the emulator's key and dated one second after every look so far. */
async function tell(eventType: string, members: object) {
  const { SNAPTRADE_CLIENT_ID: clientId, SNAPTRADE_CONSUMER_KEY: key } = env();
  expect(
    await deliver(makeEvent(eventType, new Date(Date.now() + 1_000), { clientId, ...members }), { key }),
  ).toBe("stored");
}

const isThere = (path: string) =>
  emulator.get(path).then(
    () => true,
    () => false,
  );

const formersOf = async (userId: string) =>
  (await database())
    .select()
    .from(formerSnapTradeUsers)
    .where(eq(formerSnapTradeUsers.userId, userId))
    .orderBy(formerSnapTradeUsers.since);

/** A secret refused three times, each time after the wait. */
async function refuseForLong(userId: string, path: string) {
  await emulator.post(`${path}/faults`, refusing);
  for (const minute of [0, 2, 8]) await look(userId, minutes(minute));
}

describe("a secret that SnapTrade refuses", () => {
  test("at first proves nothing: pages say that we can't check right now, and every connection stays", async () => {
    const { userId, path, view } = await owner();
    await emulator.post(`${path}/faults`, refusing);
    await look(userId);
    expect(await view()).toMatchObject({
      gone: null,
      unreachable: true,
      connections: [{ status: "unknown-connected" }],
    });
    expect(await getSnapTradeCredentials(userId)).not.toBeNull();
  });

  test("is final only after several refusals over minutes, however often the person clicks", async () => {
    const { userId, path, view } = await owner();
    await emulator.post(`${path}/faults`, refusing);
    for (let click = 0; click < 10; click++) await look(userId, minutes(click / 100));
    expect(await view()).toMatchObject({ gone: null });
    await look(userId, minutes(2));
    await look(userId, minutes(8));
    expect(await view()).toMatchObject({
      gone: "refused",
      connections: [{ id: expect.any(String) as string }],
    });
  });

  test("is tried again only by the round, at growing intervals, and one success clears it", async () => {
    const { userId, path, view, asked } = await owner();
    await emulator.post(`${path}/faults`, refusing);
    await look(userId, minutes(0));
    const before = await asked();
    for (const minute of [0.5, 0.9]) await round(minutes(minute));
    await lookIfDue(userId, minutes(0.9));
    expect((await asked()) - before).toBe(0);
    await round(minutes(1.1));
    // An open page keeps to the longer gap as well.
    await lookIfDue(userId, minutes(3));
    for (const minute of [3, 6.5, 20, 40, 100]) await round(minutes(minute));
    expect((await asked()) - before).toBe(3);
    expect(await view()).toMatchObject({ gone: "refused" });
    await emulator.clearFaults(`${path}/faults`);
    expect(await round(minutes(60 * 3))).toMatchObject({ accepted: 1 });
    expect(await view(minutes(60 * 3))).toMatchObject({
      gone: null,
      unreachable: false,
      connections: [{ status: "connected" }],
    });
    const db = await database();
    expect((await db.select().from(snapTradeUsers))[0]).toMatchObject({ refusals: 0, askAgainAt: null });
  });

  test("is tried at most once a day, and after a month only by a person", async () => {
    const { userId, path, asked } = await owner();
    await emulator.post(`${path}/faults`, refusing);
    await look(userId, minutes(0));
    const before = await asked();
    for (let day = 1; day <= 40; day++) await round(minutes(day * 1441));
    expect((await asked()) - before).toBe(29);
    await look(userId, minutes(61 * 1441));
    expect((await asked()) - before).toBe(30);
  }, 60_000);

  test("is tried once more when the person connects, and kept if SnapTrade accepts it again", async () => {
    const { userId, path, snapTradeUserId, view } = await owner();
    await refuseForLong(userId, path);
    await emulator.clearFaults(`${path}/faults`);
    expect(await requireSnapTradeCredentials(userId, minutes(9))).toMatchObject({ snapTradeUserId });
    expect(await view()).toMatchObject({ gone: null });
    expect(await formersOf(userId)).toEqual([]);
  });

  test("costs no calls: a pending removal waits for it", async () => {
    const { userId, path, connectionId, asked } = await owner();
    await requestRemoval(userId, connectionId, minutes(0));
    await emulator.post(`${path}/settings`, { removal: "lost-job", userDeletion: "lost-job" });
    await refuseForLong(userId, path);
    const before = await asked();
    for (const minute of [9, 10, 11]) await round(minutes(minute));
    expect((await asked()) - before).toBe(0);
  });
});

describe("a SnapTrade user that was replaced", () => {
  test("is remembered, and deleted at SnapTrade by the rounds along with its connections", async () => {
    const { userId, path, snapTradeUserId, connectionId, view } = await owner();
    await refuseForLong(userId, path);
    const anew = await requireSnapTradeCredentials(userId, minutes(9));
    expect(anew.snapTradeUserId).not.toBe(snapTradeUserId);
    expect(await formersOf(userId)).toMatchObject([
      { snapTradeUserId, why: "refused", deletedAt: null, connectionIds: [connectionId] },
    ]);
    await round(minutes(10));
    expect(await formersOf(userId)).toMatchObject([{ attempts: 1, deletedAt: null }]);
    await emulator.post(`${path}/advance`, { seconds: 60 });
    expect(await round(minutes(11))).toMatchObject({ formerUsers: { deleted: 1, parked: 0 } });
    expect(await isThere(path)).toBe(false);
    expect(await view()).toMatchObject({ gone: null, connections: [{ status: "removed" }] });
  });

  test("changes no current data with its events, and is done when USER_DELETED arrives", async () => {
    const { userId, path, snapTradeUserId, connectionId, view } = await owner();
    await grow(userId);
    await refuseForLong(userId, path);
    const anew = await requireSnapTradeCredentials(userId, minutes(9));
    const made = await emulator.post<{ id: string }>(`/users/${anew.snapTradeUserId}/connections`, {
      brokerage: "KRAKEN",
    });
    await look(userId, minutes(9));
    const of = (event: string, more: object = {}) => tell(event, { userId: snapTradeUserId, ...more });
    await of("CONNECTION_BROKEN", { brokerageAuthorizationId: made.id });
    await of("CONNECTION_FIXED", { brokerageAuthorizationId: connectionId });
    await processInbox();
    const statuses = async () => (await view()).connections.map(({ id, status }) => [id, status]);
    expect(await statuses()).toContainEqual([made.id, "connected"]);
    expect(await statuses()).toContainEqual([connectionId, "removed"]);
    await of("USER_DELETED");
    await processInbox();
    expect((await formersOf(userId))[0]?.deletedAt).not.toBeNull();
    expect(await statuses()).toContainEqual([made.id, "connected"]);
    expect(await getSnapTradeCredentials(userId)).toEqual(anew);
  });

  test("is recorded as deleted when SnapTrade itself deleted it", async () => {
    const { userId, snapTradeUserId } = await owner();
    await tell("USER_DELETED", { userId: snapTradeUserId });
    await processInbox();
    await requireSnapTradeCredentials(userId, new Date());
    const [former] = await formersOf(userId);
    expect(former).toMatchObject({ snapTradeUserId, why: "deleted" });
    expect(former?.deletedAt).not.toBeNull();
  });

  test("is retried at growing intervals when SnapTrade refuses, counted when it takes long, and never abandoned", async () => {
    const { userId, path } = await owner();
    await refuseForLong(userId, path);
    await requireSnapTradeCredentials(userId, minutes(9));
    await emulator.post(`${path}/faults`, {
      endpoint: "deleteUser",
      kind: "status",
      status: 401,
      code: "0000",
    });
    for (let minute = 10; minute < 20; minute++) await round(minutes(minute));
    expect((await formersOf(userId))[0]?.attempts).toBeLessThanOrEqual(4);
    let last = await round(minutes(1440));
    for (let day = 2; day <= 14; day++) last = await round(minutes(day * 1441));
    expect(last).toMatchObject({ formerUsers: { deleted: 0, parked: 1 } });
    expect((await formersOf(userId))[0]).toMatchObject({
      lastError: "key-refused 401 0000",
      deletedAt: null,
    });
    await emulator.clearFaults(`${path}/faults`);
    await round(minutes(20 * 1441));
    await emulator.post(`${path}/advance`, { seconds: 60 });
    expect(await round(minutes(22 * 1441))).toMatchObject({ formerUsers: { deleted: 1, parked: 0 } });
  });
});

describe("registering leaves nothing behind at SnapTrade", () => {
  const everybody = async () =>
    (await emulator.get<{ userId: string }[]>("/users")).map(({ userId }) => userId);

  test("when the answer is lost, the user that was made is deleted later", async () => {
    const { userId } = await owner();
    const db = await database();
    await db.delete(connections);
    await db.delete(snapTradeUsers);
    const before = await everybody();
    await emulator.post("/faults", { endpoint: "register", kind: "reset", after: true, times: 1 });
    await expect(requireSnapTradeCredentials(userId, minutes(0))).rejects.toMatchObject({ kind: "away" });
    const lost = (await everybody()).find((name) => !before.includes(name)) ?? "";
    expect(lost).not.toBe("");
    const credentials = await requireSnapTradeCredentials(userId, minutes(0));
    await round(minutes(1));
    expect(await everybody()).toContain(lost);
    await round(minutes(6));
    await emulator.post(`/users/${lost}/advance`, { seconds: 60 });
    await round(minutes(7));
    expect(await everybody()).not.toContain(lost);
    expect(await everybody()).toContain(credentials.snapTradeUserId);
    expect((await formersOf(userId)).every(({ deletedAt }) => deletedAt)).toBe(true);
  });

  test("when ten requests register one person at once, nine users are deleted, even if SnapTrade refuses at first", async () => {
    const { userId } = await owner();
    const db = await database();
    await db.delete(connections);
    await db.delete(snapTradeUsers);
    const before = await everybody();
    const all = await Promise.all(
      Array.from({ length: 10 }, () => requireSnapTradeCredentials(userId, minutes(0))),
    );
    const [kept] = new Set(all.map(({ snapTradeUserId }) => snapTradeUserId));
    await emulator.post("/faults", { endpoint: "deleteUser", kind: "status", status: 500, times: 3 });
    await emulator.post("/settings", { deleteDelaySeconds: 0 });
    for (const minute of [1, 2, 4, 8, 40, 80]) await round(minutes(minute));
    expect((await everybody()).filter((name) => !before.includes(name))).toEqual([kept]);
  });

  test("when SnapTrade certainly registered nothing, nothing is stored", async () => {
    const { userId } = await owner();
    const db = await database();
    await db.delete(connections);
    await db.delete(snapTradeUsers);
    await emulator.post("/faults", {
      endpoint: "register",
      kind: "status",
      status: 400,
      code: "1000",
      times: 1,
    });
    await expect(requireSnapTradeCredentials(userId, new Date())).rejects.toMatchObject({ kind: "refused" });
    expect(await formersOf(userId)).toEqual([]);
  });
});
