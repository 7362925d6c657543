import { eq } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import { database } from "@/lib/db/client";
import { connections } from "@/lib/db/schema/connections";
import { withDatabase } from "@/lib/testing/with-database";
import { rounds } from "@/lib/db/schema/work";
import { reconcile } from "@/lib/reconcile/round";
import { listConnectionViews } from "@/lib/connections/pages/list";
import { look } from "./look";
import { openReconnect } from "@/lib/connections/portal/open";
import { requestRemoval, takeRemovalBack } from "./remove";
import { grow, withWorld } from "@/lib/testing/connections";

withDatabase();
const { emulator, makePerson } = withWorld();

const start = Date.now();
const minutes = (n: number) => new Date(start + n * 60_000);

async function owner() {
  const { userId, path, ids } = await makePerson();
  const connectionId = ids[0] ?? "";
  const view = async () => {
    const { connections: views } = await listConnectionViews(userId, {
      now: new Date(),
      dayStartedAt: new Date(0),
    });
    return views.find(({ id }) => id === connectionId);
  };
  const asked = async () => {
    const { requests } = await emulator.get<{ requests: { method: string; path: string }[] }>(path);
    return requests.filter(({ method, path }) => method === "DELETE" && path.includes(connectionId)).length;
  };
  return { userId, path, connectionId, view, asked };
}

async function round(now: Date) {
  await (await database()).update(rounds).set({ lockedUntil: new Date(0) });
  return reconcile(now);
}

describe("removing a connection", () => {
  test("an accepted removal shows as being removed until SnapTrade no longer has the connection", async () => {
    const { userId, path, connectionId, view } = await owner();
    expect(await requestRemoval(userId, connectionId, new Date())).toBe("accepted");
    expect(await view()).toMatchObject({ status: "removing", removalHeard: true });
    await emulator.post(`${path}/advance`, { seconds: 60 });
    await look(userId);
    expect(await view()).toMatchObject({ status: "removed" });
  });

  test("while a connection is being removed, neither trading nor keeping a second connection is offered", async () => {
    const { userId, path, connectionId, view } = await owner();
    const { id } = await emulator.post<{ id: string }>(`${path}/connections`, { brokerage: "ALPACA" });
    await emulator.post(`${path}/connections/${connectionId}/break`);
    await look(userId);
    await emulator.post(`${path}/advance`, { seconds: 5 });
    const second = await emulator.post<{ id: string }>(`${path}/connections`, { brokerage: "QUESTRADE" });
    await look(userId);
    const offered = async () =>
      (await listConnectionViews(userId, { now: new Date(), dayStartedAt: new Date(0) })).connections;
    const trading = async () => (await offered()).find((one) => one.id === id)?.canAllowTrading;
    expect([await trading(), (await view())?.secondConnectionId]).toEqual([true, second.id]);
    await requestRemoval(userId, id, new Date());
    await requestRemoval(userId, second.id, new Date());
    expect([await trading(), (await view())?.secondConnectionId]).toEqual([false, null]);
  });

  test.each([
    { kind: "reset", after: true },
    { kind: "html502", after: true },
    { kind: "status", status: 500 },
  ])("a removal whose answer is lost ($kind) is unknown, not undone", async (fault) => {
    const { userId, path, connectionId, view } = await owner();
    await emulator.post(`${path}/faults`, { endpoint: "delete", times: 1, ...fault });
    expect(await requestRemoval(userId, connectionId, new Date())).toBe("unknown");
    expect(await view()).toMatchObject({ status: "removing", removalHeard: false });
  });

  test.each([
    { kind: "rate_limited", retryAfterSeconds: 1 },
    { kind: "status", status: 403, code: "1141" },
    { kind: "status", status: 401, code: "1083" },
  ])("a removal that SnapTrade refuses ($kind $status) changes nothing", async (fault) => {
    const { userId, path, connectionId } = await owner();
    await emulator.post(`${path}/faults`, { endpoint: "delete", times: 1, ...fault });
    await expect(requestRemoval(userId, connectionId, new Date())).rejects.toMatchObject({
      name: "AppError",
    });
    const [row] = await (await database()).select().from(connections).where(eq(connections.id, connectionId));
    expect(row).toMatchObject({ removalRequestedAt: null, removalAttempts: 0, removalRunAt: null });
  });

  test("a double click sends one request", async () => {
    const { userId, connectionId, asked } = await owner();
    await Promise.all([1, 2, 3].map(() => requestRemoval(userId, connectionId, minutes(0))));
    await requestRemoval(userId, connectionId, minutes(0.1));
    expect(await asked()).toBe(1);
  });

  test("a removal that SnapTrade lost is requested again at growing intervals, then only by the person", async () => {
    const { userId, path, connectionId, view, asked } = await owner();
    await emulator.post(`${path}/settings`, { removal: "lost-job", userDeletion: "lost-job" });
    await requestRemoval(userId, connectionId, minutes(0));
    await round(minutes(0.5));
    expect(await asked()).toBe(1);
    await round(minutes(1.1));
    await round(minutes(1.6));
    await round(minutes(2.1));
    expect(await asked()).toBe(2);
    for (let hour = 1; hour <= 24 * 20; hour += 8) await round(minutes(hour * 60));
    expect(await asked()).toBe(9);
    expect(await view()).toMatchObject({ status: "removing", removalParked: true });
    await emulator.post(`${path}/settings`, { removal: "normal", userDeletion: "normal" });
    await requestRemoval(userId, connectionId, minutes(60 * 24 * 21));
    expect(await asked()).toBe(10);
    await emulator.post(`${path}/advance`, { seconds: 60 });
    await look(userId);
    expect(await view()).toMatchObject({ status: "removed" });
  });

  test("a removal with an unknown result is repeated by the round, and confirmed", async () => {
    const { userId, path, connectionId, view } = await owner();
    await emulator.post(`${path}/faults`, { endpoint: "delete", times: 1, kind: "status", status: 503 });
    await requestRemoval(userId, connectionId, minutes(0));
    expect(await round(minutes(1.1))).toMatchObject({ removals: 1 });
    expect(await view()).toMatchObject({ status: "removing", removalHeard: true });
    await emulator.post(`${path}/advance`, { seconds: 60 });
    expect(await round(minutes(10))).toMatchObject({ removals: 0 });
    expect(await view()).toMatchObject({ status: "removed" });
  });

  test("a canceled removal leaves a working connection, which shows as removed if SnapTrade deletes it anyway", async () => {
    const { userId, path, connectionId, view, asked } = await owner();
    await requestRemoval(userId, connectionId, minutes(0));
    await takeRemovalBack(userId, connectionId);
    expect(await view()).toMatchObject({ status: "connected", removalRequestedAt: null });
    await round(minutes(20));
    expect(await asked()).toBe(1);
    await emulator.post(`${path}/advance`, { seconds: 60 });
    await grow(userId);
    await look(userId);
    expect(await view()).toMatchObject({ status: "removed" });
    await expect(takeRemovalBack(userId, connectionId)).rejects.toMatchObject({ code: "not-found" });
  });

  test("reconnecting a connection that is being removed is refused with that reason", async () => {
    const { userId, path, connectionId } = await owner();
    await emulator.post(`${path}/connections/${connectionId}/break`);
    await look(userId);
    await requestRemoval(userId, connectionId, new Date());
    await expect(
      openReconnect({ userId, connectionId, darkMode: false, now: new Date() }),
    ).rejects.toMatchObject({ code: "being-removed" });
  });
});
