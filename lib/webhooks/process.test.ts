import { randomUUID } from "node:crypto";
import { asc, eq } from "drizzle-orm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { project } from "@/lib/connections/observations/project";
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
  makeConnections,
  makeEvent,
  minutes,
  storedEvent,
  type Members,
  type State,
} from "@/lib/testing/webhooks";

// SnapTrade is out of reach here: what these tests show, the events alone must bring about.
Object.assign(process.env, testSettings, { SNAPTRADE_API_URL: "http://localhost:9" });
withDatabase();

async function lookDueAt(userId: string) {
  const db = await database();
  return (
    (
      await db
        .select({ dueAt: snapTradeUsers.lookDueAt })
        .from(snapTradeUsers)
        .where(eq(snapTradeUsers.userId, userId))
    )[0]?.dueAt ?? null
  );
}

/** What the reference fold makes of the same statements. */
function folded(statements: { state: State; seconds: number }[]) {
  const {
    state,
    observedAt,
    episodes: runs,
  } = project(
    [{ state: "enabled" as const, seconds: -60 }, ...statements].map((one) => ({
      state: one.state,
      observedAt: at(one.seconds),
      answeredAt: null,
      disabledAt: null,
      source: "webhook",
      recordedAt: at(one.seconds),
    })),
  );
  return {
    state,
    observedAt,
    episodes: runs.map(({ brokeAt, endedAt }) => ({ brokeAt, endedAt, noticedBy: "webhook" })),
  };
}

function* permutations<T>(items: T[]): Generator<T[]> {
  if (items.length < 2) yield items;
  for (const [index, item] of items.entries()) {
    if (items.length < 2) return;
    for (const others of permutations([...items.slice(0, index), ...items.slice(index + 1)]))
      yield [item, ...others];
  }
}

/** One run has a time limit; what is left then comes in the next one. */
async function processAll() {
  while ((await processInbox()).done > 0);
}

describe("events of one connection", () => {
  test("end as the reference fold says, in every order of up to six", async () => {
    const story: { state: State; seconds: number }[] = [
      { state: "disabled", seconds: 10 },
      { state: "enabled", seconds: 20 },
      { state: "disabled", seconds: 30 },
      { state: "enabled", seconds: 40 },
      { state: "disabled", seconds: 50 },
      { state: "deleted", seconds: 60 },
    ];
    const orders = story.flatMap((_, length) => [...permutations(story.slice(0, length + 1))]);
    expect(orders).toHaveLength(873);
    const owner = await makeConnections(orders.length, at(-60));
    for (let turn = 0; turn < story.length; turn++) {
      const events = orders.flatMap((order, index) => {
        const statement = order[turn];
        return statement ? [about(owner, owner.ids[index], statement.state, statement.seconds)] : [];
      });
      await Promise.all(events.map((event) => deliver(event)));
      await processAll();
    }
    for (const [index, order] of orders.entries())
      expect(await known(owner.ids[index])).toMatchObject(folded(order));
  }, 180_000);

  test("end as the reference fold says, in random longer stories with copies and holds-up", async () => {
    const statement = fc.record({
      state: fc.constantFrom<State>("enabled", "disabled", "disabled", "enabled"),
      seconds: fc.integer({ min: 0, max: 90_000 }),
    });
    const stories = fc.sample(fc.array(statement, { minLength: 7, maxLength: 14 }), 40);
    const owner = await makeConnections(stories.length, at(-60));
    const events = stories.flatMap((story, index) =>
      story.map(({ state, seconds }) => about(owner, owner.ids[index], state, seconds)),
    );
    const copies =
      fc.sample(fc.shuffledSubarray([...events, ...events], { minLength: events.length * 2 }), 1)[0] ?? [];
    for (let from = 0; from < copies.length; from += 150) {
      await Promise.all(copies.slice(from, from + 150).map((event) => deliver(event)));
      await processAll();
    }
    for (const [index, story] of stories.entries())
      expect(await known(owner.ids[index])).toMatchObject(folded(story));
  }, 120_000);

  test.each(Array.from({ length: 10 }, (_, index) => index + 1))(
    "%i copies at once have one effect",
    async (copies) => {
      const owner = await makeConnections(1, at(0));
      const event = about(owner, owner.ids[0], "disabled", 10);
      await Promise.all(Array.from({ length: copies }, () => deliver(event).then(() => processInbox())));
      expect(await known(owner.ids[0])).toMatchObject({
        state: "disabled",
        observedAt: at(10),
        episodes: [{ brokeAt: at(10), endedAt: null }],
      });
      expect(await storedEvent(event)).toMatchObject({ state: "done", attempts: 1 });
    },
  );

  test("a break and a repair between two looks still make an episode, whichever is told first", async () => {
    const owner = await makeConnections(1, at(0));
    await deliver(about(owner, owner.ids[0], "enabled", 40), { now: at(41) });
    await processInbox();
    await deliver(about(owner, owner.ids[0], "disabled", 20), { now: at(42) });
    await processInbox();
    expect(await known(owner.ids[0])).toMatchObject({
      state: "enabled",
      episodes: [{ brokeAt: at(20), endedAt: at(40), noticedBy: "webhook" }],
    });
    expect(await lookDueAt(owner.userId)).not.toBeNull();
  });

  test.each([
    ["30 minutes", minutes(30)],
    ["3.5 hours", minutes(210)],
    ["a day", minutes(1440)],
  ])("a retry after %s counts by its own time, and SnapTrade is asked as well", async (_, seconds) => {
    const owner = await makeConnections(2, at(0));
    const [newest, overtaken] = owner.ids;
    await deliver(about(owner, overtaken, "enabled", 700), { now: at(701) });
    await processInbox();
    expect(await lookDueAt(owner.userId)).toBeNull();
    await deliver(about(owner, newest, "disabled", 600), { now: at(600 + seconds) });
    await deliver(about(owner, overtaken, "disabled", 600), { now: at(600 + seconds) });
    await processInbox();
    expect(await known(newest)).toMatchObject({
      state: "disabled",
      observedAt: at(600),
      episodes: [{ brokeAt: at(600), endedAt: null }],
    });
    expect(await known(overtaken)).toMatchObject({
      state: "enabled",
      observedAt: at(700),
      episodes: [{ brokeAt: at(600), endedAt: at(700) }],
    });
    expect(await lookDueAt(owner.userId)).not.toBeNull();
  });

  test("one without a time, or from the future, changes nothing by itself but is a reason to look", async () => {
    const owner = await makeConnections(1, at(0));
    const timeless = { ...about(owner, owner.ids[0], "disabled", 10), eventTimestamp: undefined };
    const future = {
      ...about(owner, owner.ids[0], "disabled", 0),
      eventTimestamp: "2126-11-17T09:00:00+00:00",
    };
    await deliver(future);
    await deliver(JSON.parse(JSON.stringify(timeless)) as Members);
    await processInbox();
    expect(await known(owner.ids[0])).toMatchObject({ state: "enabled", observedAt: at(0), episodes: [] });
    expect(await storedEvent(future)).toMatchObject({ state: "done", outcome: "looked" });
    expect(await lookDueAt(owner.userId)).not.toBeNull();
  });
});

describe("an event that is not for us to apply", () => {
  test("for another user's connection changes nothing and is kept as such", async () => {
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

  test("for an unknown user or another client is recognized as such, and keeps nothing of what it says", async () => {
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
    "%s is only kept",
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

describe("events that say less than a state", () => {
  test.each(["CONNECTION_ADDED", "CONNECTION_UPDATED", "NEW_ACCOUNT_AVAILABLE", "ACCOUNT_REMOVED"])(
    "%s makes a look due",
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

  test("a holdings update is a sign of life; the newest one is kept", async () => {
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

  test("the result of a sign-in goes to the session open at that time on SnapTrade's clock, and a bare failure replaces no reason", async () => {
    const db = await database();
    const owner = await makeConnections(2, at(0));
    const trip = { userId: owner.userId, intent: "reconnect" as const, brokerageId: owner.brokerageId };
    const [older, open] = await db
      .insert(portalSessions)
      .values([
        { ...trip, connectionId: owner.ids[0], startedAt: at(-minutes(33)), openedAt: at(-minutes(30)) },
        { ...trip, connectionId: owner.ids[1], startedAt: at(minutes(3)), openedAt: at(0) },
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

  test("a result that fits sessions of two connections explains neither", async () => {
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

  test("a deleted user is asked about no more, and their connections are gone", async () => {
    const owner = await makeConnections(2, at(0));
    await deliver(makeEvent("USER_DELETED", at(10), { userId: owner.snapTradeUserId }));
    await processInbox();
    for (const id of owner.ids)
      expect(await known(id)).toMatchObject({ state: "deleted", observedAt: at(10) });
    const db = await database();
    expect(
      (await db.select().from(snapTradeUsers).where(eq(snapTradeUsers.userId, owner.userId)))[0]?.goneAt,
    ).toEqual(at(10));
  });
});
