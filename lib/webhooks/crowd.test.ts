import { randomUUID } from "node:crypto";
import { asc, eq, inArray } from "drizzle-orm";
import { expect, test, vi } from "vitest";
import { database, transaction } from "@/lib/db/client";
import { notices } from "@/lib/db/schema/notices";
import { users } from "@/lib/db/schema/users";
import { testSettings } from "@/lib/testing/unique";
import { about, at, deliver, known, lookDueAt, makeConnections, makeEvent } from "@/lib/testing/webhooks";
import { withDatabase } from "@/lib/testing/with-database";
import { applyEvents, type StoredEvent } from "./effects";
import { processInbox } from "./process";

// SnapTrade is unreachable here, so everything these tests observe comes from the events alone.
Object.assign(process.env, testSettings, { SNAPTRADE_API_URL: "http://localhost:9" });
withDatabase();

const makeCrowd = (size: number) =>
  Promise.all(Array.from({ length: size }, () => makeConnections(2, at(0))));

test("a crowd's breaks and repairs each have one episode, one notice, and one announcement", async () => {
  const crowd = await makeCrowd(30);
  const before = await versionsOf(crowd);
  for (const owner of crowd) await deliver(about(owner, owner.ids[0], "disabled", 10), { now: at(11) });
  await processInbox();
  const broken = await versionsOf(crowd);
  const repaired = crowd.slice(0, 10);
  for (const owner of repaired) await deliver(about(owner, owner.ids[0], "enabled", 20), { now: at(21) });
  await processInbox();

  for (const [index, owner] of crowd.entries()) {
    const ended = index < repaired.length ? at(20) : null;
    expect(await known(owner.ids[0])).toMatchObject({
      state: ended ? "enabled" : "disabled",
      episodes: [{ brokeAt: at(10), endedAt: ended, noticedBy: "webhook" }],
    });
    expect(await known(owner.ids[1])).toMatchObject({ state: "enabled", episodes: [] });
    expect(await noticesOf(owner.userId)).toEqual(
      ended
        ? [
            { kind: "broke", mail: "cancelled" },
            { kind: "fixed", mail: "waiting" },
          ]
        : [{ kind: "broke", mail: "waiting" }],
    );
    expect(broken[index]).toBe((before[index] ?? 0) + 1);
  }
});

test("a person in a crowd whose events make no sense changes nothing for the others", async () => {
  const [odd, thief, ...others] = await makeCrowd(6);
  if (!odd || !thief) throw new Error("No crowd");
  const from = { now: at(11) };
  await deliver(about(odd, randomUUID(), "disabled", 10), from);
  await deliver(about(thief, others[0]?.ids[1], "deleted", 10), from);
  await deliver(makeEvent("SOMETHING_NEW", at(10), { userId: odd.snapTradeUserId }), from);
  await deliver(makeEvent("CONNECTION_BROKEN", at(10), { userId: randomUUID() }), from);
  await deliver(
    makeEvent("CONNECTION_ATTEMPTED", at(10), {
      userId: odd.snapTradeUserId,
      connectionAttemptedResult: "SUCCESS",
    }),
    from,
  );
  for (const owner of others) await deliver(about(owner, owner.ids[0], "disabled", 10), from);
  expect(await processInbox()).toMatchObject({ failed: 0, dead: 0 });
  for (const owner of others) {
    expect(await known(owner.ids[0])).toMatchObject({ state: "disabled", episodes: [{ brokeAt: at(10) }] });
    expect(await known(owner.ids[1])).toMatchObject({ state: "enabled", episodes: [] });
    expect(await lookDueAt(owner.userId)).toBeNull();
  }
  expect(await lookDueAt(odd.userId)).not.toBeNull();
});

test("applying events takes as many statements for fifty people as for two", async () => {
  const [few, many] = [await makeCrowd(2), await makeCrowd(50)];
  const ofFew = await countStatements(few.map((owner) => stored(owner, "disabled", 10)));
  expect(await countStatements(many.map((owner) => stored(owner, "disabled", 10)))).toBe(ofFew);
  const repairs = await countStatements(few.map((owner) => stored(owner, "enabled", 20)));
  expect(await countStatements(many.map((owner) => stored(owner, "enabled", 20)))).toBe(repairs);
  expect(Math.max(ofFew, repairs)).toBeLessThan(20);
});

type Owner = Awaited<ReturnType<typeof makeConnections>>;

function stored(owner: Owner, state: "enabled" | "disabled", seconds: number): StoredEvent {
  return {
    id: randomUUID(),
    type: state === "enabled" ? "CONNECTION_FIXED" : "CONNECTION_BROKEN",
    snapTradeUserId: owner.snapTradeUserId,
    connectionId: owner.ids[0] ?? "",
    happenedAt: at(seconds),
    receivedAt: at(seconds + 1),
    clientId: null,
    brokerageId: null,
    signInResult: null,
    state: "waiting",
    attempts: 1,
  };
}

async function countStatements(events: StoredEvent[]): Promise<number> {
  const spies: { mock: { calls: unknown[] } }[] = [];
  await transaction((tx) => {
    for (const verb of ["select", "selectDistinct", "insert", "update", "delete", "execute"] as const)
      spies.push(vi.spyOn(tx, verb));
    return applyEvents(tx, events, new Date());
  });
  return spies.reduce((sum, { mock }) => sum + mock.calls.length, 0);
}

async function versionsOf(crowd: Owner[]): Promise<number[]> {
  const db = await database();
  const ids = crowd.map(({ userId }) => userId);
  const rows = await db
    .select({ id: users.id, version: users.version })
    .from(users)
    .where(inArray(users.id, ids));
  return ids.map((id) => rows.find((row) => row.id === id)?.version ?? -1);
}

async function noticesOf(userId: string) {
  const db = await database();
  return db
    .select({ kind: notices.kind, mail: notices.mail })
    .from(notices)
    .where(eq(notices.userId, userId))
    .orderBy(asc(notices.kind));
}
