import { randomUUID } from "node:crypto";
import { asc, eq } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import { database } from "@/lib/db/client";
import { portalSessions } from "@/lib/db/schema/portal";
import { snapTradeUsers } from "@/lib/db/schema/users";
import { withDatabase } from "@/lib/testing/with-database";
import { testSettings } from "@/lib/testing/unique";
import { processInbox } from "./process";
import {
  about,
  at,
  deliver,
  known,
  lookDueAt,
  makeConnections,
  makeEvent,
  minutes,
  storedEvent,
} from "@/lib/testing/webhooks";

// SnapTrade is unreachable here, so everything these tests observe comes from the events alone.
Object.assign(process.env, testSettings, { SNAPTRADE_API_URL: "http://localhost:9" });
withDatabase();

describe("an event without an effect", () => {
  test("for another user's connection changes nothing and is marked as such", async () => {
    const [owner, stranger] = [await makeConnections(1, at(0)), await makeConnections(1, at(0))];
    const forged = about(stranger, owner.ids[0], "deleted", 10);
    const heartbeat = makeEvent("ACCOUNT_HOLDINGS_UPDATED", at(10), {
      userId: stranger.snapTradeUserId,
      brokerageAuthorizationId: owner.ids[0],
    });
    await deliver(forged);
    await deliver(heartbeat);
    await processInbox();
    expect(await known(owner.ids[0])).toMatchObject({
      state: "enabled",
      lastHeartbeatAt: null,
      episodes: [],
    });
    expect(await storedEvent(forged)).toMatchObject({ state: "done", outcome: "foreign-connection" });
    expect(await storedEvent(heartbeat)).toMatchObject({ state: "done", outcome: "foreign-connection" });
  });

  test("for an unknown user or another client is marked as such, and its contents are erased", async () => {
    const owner = await makeConnections(1, at(0));
    const unknown = makeEvent("CONNECTION_BROKEN", at(10), {
      userId: randomUUID(),
      brokerageAuthorizationId: owner.ids[0],
    });
    const other = { ...about(owner, owner.ids[0], "disabled", 10), clientId: "SOMEBODY" };
    await deliver(unknown);
    await deliver(other);
    await processInbox();
    expect(await storedEvent(unknown)).toMatchObject({ state: "done", outcome: "unknown-user" });
    expect(await storedEvent(other)).toMatchObject({ state: "done", outcome: "other-client" });
    for (const event of [unknown, other])
      expect(await storedEvent(event)).toMatchObject({
        payload: "{}",
        snapTradeUserId: null,
        connectionId: null,
      });
    expect(await known(owner.ids[0])).toMatchObject({ state: "enabled" });
  });

  test.each(["USER_REGISTERED", "ACCOUNT_TRANSACTIONS_UPDATED", "TRADE_UPDATE", "SOMETHING_NEW"])(
    "%s is only stored",
    async (type) => {
      const owner = await makeConnections(1, at(0));
      const event = makeEvent(type, at(10), {
        userId: owner.snapTradeUserId,
        brokerageAuthorizationId: owner.ids[0],
      });
      await deliver(event);
      await processInbox();
      expect(await storedEvent(event)).toMatchObject({ state: "done", outcome: "noted" });
      expect(await lookDueAt(owner.userId)).toBeNull();
    },
  );
});

describe("an event that does not report a state", () => {
  test.each(["CONNECTION_ADDED", "CONNECTION_UPDATED", "NEW_ACCOUNT_AVAILABLE", "ACCOUNT_REMOVED"])(
    "%s requests a look",
    async (type) => {
      const owner = await makeConnections(1, at(0));
      const event = makeEvent(type, at(10), {
        userId: owner.snapTradeUserId,
        brokerageAuthorizationId: randomUUID(),
      });
      await deliver(event);
      await processInbox();
      expect(await storedEvent(event)).toMatchObject({ state: "done", outcome: "looked" });
      expect(await lookDueAt(owner.userId)).not.toBeNull();
    },
  );

  test("a holdings update counts as a heartbeat; the newest one is stored", async () => {
    const owner = await makeConnections(1, at(0));
    const heartbeat = (seconds: number) =>
      makeEvent("ACCOUNT_HOLDINGS_UPDATED", at(seconds), {
        userId: owner.snapTradeUserId,
        brokerageAuthorizationId: owner.ids[0],
      });
    await Promise.all([30, 50, 40].map((seconds) => deliver(heartbeat(seconds))));
    await processInbox();
    await deliver(heartbeat(20));
    await processInbox();
    expect(await known(owner.ids[0])).toMatchObject({ state: "enabled", lastHeartbeatAt: at(50) });
  });

  test("a sign-in result goes to the session that was open at that time on SnapTrade's clock, and a bare failure replaces no reason", async () => {
    const db = await database();
    const owner = await makeConnections(2, at(0));
    const session = { userId: owner.userId, intent: "reconnect" as const, brokerageId: owner.brokerageId };
    const [older, open] = await db
      .insert(portalSessions)
      .values([
        { ...session, connectionId: owner.ids[0], startedAt: at(-minutes(33)), openedAt: at(-minutes(30)) },
        { ...session, connectionId: owner.ids[1], startedAt: at(minutes(3)), openedAt: at(0) },
      ])
      .returning();
    const member = { userId: owner.snapTradeUserId };
    await deliver(
      makeEvent("CONNECTION_ATTEMPTED", at(20), {
        ...member,
        brokerageId: owner.brokerageId,
        connectionAttemptedResult: "DIFFERENT_ACCOUNT",
      }),
    );
    await deliver(makeEvent("CONNECTION_FAILED", at(20), member));
    await deliver(
      makeEvent("CONNECTION_ATTEMPTED", at(20), {
        ...member,
        brokerageId: randomUUID(),
        connectionAttemptedResult: "SUCCESS",
      }),
    );
    await processInbox();
    const results = await db
      .select()
      .from(portalSessions)
      .where(eq(portalSessions.userId, owner.userId))
      .orderBy(asc(portalSessions.startedAt));
    expect(results.map(({ id, signInResult }) => [id, signInResult])).toEqual([
      [older?.id, null],
      [open?.id, "DIFFERENT_ACCOUNT"],
    ]);
  });

  test("a sign-in result that matches sessions of two connections is attached to neither", async () => {
    const db = await database();
    const owner = await makeConnections(2, at(0));
    const session = {
      userId: owner.userId,
      intent: "reconnect" as const,
      brokerageId: owner.brokerageId,
      startedAt: at(0),
      openedAt: at(0),
    };
    await db.insert(portalSessions).values(owner.ids.map((connectionId) => ({ ...session, connectionId })));
    const attempted = {
      userId: owner.snapTradeUserId,
      brokerageId: owner.brokerageId,
      connectionAttemptedResult: "SUCCESS",
    };
    await deliver(makeEvent("CONNECTION_ATTEMPTED", at(20), attempted));
    await processInbox();
    const results = await db.select().from(portalSessions).where(eq(portalSessions.userId, owner.userId));
    expect(results.map(({ signInResult }) => signInResult)).toEqual([null, null]);
  });

  test("of a SnapTrade user who has answered since requests a look instead of ending them", async () => {
    const owner = await makeConnections(1, at(0));
    const db = await database();
    const own = eq(snapTradeUsers.userId, owner.userId);
    await db
      .update(snapTradeUsers)
      .set({ lookedAt: at(minutes(20)) })
      .where(own);
    const event = makeEvent("USER_DELETED", at(minutes(10)), { userId: owner.snapTradeUserId });
    await deliver(event, { now: at(minutes(40)) });
    await processInbox();
    expect(await storedEvent(event)).toMatchObject({ state: "done", outcome: "looked" });
    expect(await known(owner.ids[0])).toMatchObject({ state: "enabled" });
    expect(await db.select().from(snapTradeUsers).where(own)).toMatchObject([{ goneAt: null }]);
  });

  test("a deleted user is no longer looked at, and their connections are deleted", async () => {
    const owner = await makeConnections(2, at(0));
    await deliver(makeEvent("USER_DELETED", at(10), { userId: owner.snapTradeUserId }), { now: at(11) });
    await processInbox();
    for (const id of owner.ids)
      expect(await known(id)).toMatchObject({ state: "deleted", observedAt: at(10) });
    const db = await database();
    expect(
      (await db.select().from(snapTradeUsers).where(eq(snapTradeUsers.userId, owner.userId)))[0]?.goneAt,
    ).toEqual(at(10));
  });
});
