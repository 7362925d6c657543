import { randomUUID } from "node:crypto";
import { asc, eq } from "drizzle-orm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { database } from "@/lib/db/client";
import { events } from "@/lib/db/schema/events";
import { episodes } from "@/lib/db/schema/connections";
import { portalSessions } from "@/lib/db/schema/portal";
import { users } from "@/lib/db/schema/users";
import { transaction } from "@/lib/db/client";
import { processInbox } from "@/lib/webhooks/process";
import { testSettings } from "@/lib/testing/unique";
import { about, at, deliver, known, makeConnections, makeEvent, minutes } from "@/lib/testing/webhooks";
import { withDatabase } from "@/lib/testing/with-database";
import { recordExpiring } from "./expiring";
import { observe } from "./observe";
import { recordRefusal } from "./gone";

// SnapTrade is unreachable here, so everything these tests observe comes from the events alone.
Object.assign(process.env, testSettings, { SNAPTRADE_API_URL: "http://localhost:9" });
withDatabase();

async function recorded(userId: string) {
  const db = await database();
  return db.select().from(events).where(eq(events.userId, userId)).orderBy(asc(events.recorded));
}
const typesOf = async (userId: string) => (await recorded(userId)).map(({ type }) => type);

describe("the events of a connection", () => {
  test("say who and which, when it broke and when it works again, and are recorded once", async () => {
    const owner = await makeConnections(1, at(0));
    const [id = ""] = owner.ids;
    const externalId = `person-${randomUUID()}`;
    await (await database()).update(users).set({ externalId }).where(eq(users.id, owner.userId));
    const broke = about(owner, id, "disabled", 10);
    for (const event of [broke, broke, about(owner, id, "enabled", 20)]) {
      await deliver(event, { now: at(30) });
      await processInbox();
    }
    const all = await recorded(owner.userId);
    expect(all.map(({ type, at: happened }) => [type, Math.floor(happened.getTime() / 1000) * 1000])).toEqual(
      [
        ["connection.needs_owner", at(10).getTime()],
        ["connection.fixed", at(20).getTime()],
      ],
    );
    const brokerage = { slug: "QUESTRADE", name: "Questrade" };
    expect(all[0]?.data).toEqual({
      user: { id: owner.userId, external_id: externalId },
      connection: { id, state: "disabled", brokerage },
      reason: "disabled",
      noticed_by: "webhook",
    });
  });

  test("withdraw an end that was reported too early, and say when a deletion was not final", async () => {
    const owner = await makeConnections(1, at(0));
    const [connectionId = ""] = owner.ids;
    const see = (
      state: "enabled" | "disabled" | "deleted",
      seconds: number,
      disabledAt: Date | null = null,
    ) => {
      const [observedAt, answeredAt] = [at(seconds), at(seconds + 1)];
      const seen = { connectionId, state, observedAt, answeredAt, disabledAt, recordedAt: answeredAt };
      return observe(owner.userId, [{ ...seen, source: "timer" }]);
    };
    await see("disabled", 10, at(9));
    await see("enabled", 20);
    await see("disabled", 30, at(9));
    await see("deleted", 40);
    await see("enabled", minutes(10));
    expect(await typesOf(owner.userId)).toEqual([
      "connection.needs_owner",
      "connection.fixed",
      "connection.needs_owner",
      "connection.removed",
      "connection.added",
    ]);
  });

  test("end with the stored state, whatever arrives, in any order and grouping", async () => {
    const states = fc.constantFrom("enabled" as const, "disabled" as const, "deleted" as const);
    const seen = fc.record({ state: states, seconds: fc.integer({ min: 1, max: 900 }), now: fc.boolean() });
    const final = {
      "connection.added": "enabled",
      "connection.fixed": "enabled",
      "connection.needs_owner": "disabled",
      "connection.removed": "deleted",
    };
    await fc.assert(
      fc.asyncProperty(fc.array(seen, { minLength: 1, maxLength: 8 }), async (history) => {
        const owner = await makeConnections(1, at(0));
        for (const { state, seconds, now } of history) {
          await deliver(about(owner, owner.ids[0], state, seconds), { now: at(1000) });
          if (now) await processInbox();
        }
        await processInbox();
        const last = (await recorded(owner.userId)).at(-1);
        const { state } = await known(owner.ids[0]);
        expect(last ? final[last.type as keyof typeof final] : "enabled").toBe(state);
        const sent = (last?.data.connection ?? { state }) as { state: string };
        expect(sent.state).toBe(state);
      }),
      { numRuns: 12 },
    );
  });
});

describe("the events of a person", () => {
  test("a sign-in that failed is recorded with its reason, once, and a successful one is not", async () => {
    const owner = await makeConnections(1, at(0));
    const [connectionId = ""] = owner.ids;
    const session = { userId: owner.userId, connectionId, brokerageId: owner.brokerageId };
    const opened = { startedAt: at(0), openedAt: at(0), activeAt: at(0) };
    await (await database()).insert(portalSessions).values({ ...session, ...opened, intent: "reconnect" });
    const person = { userId: owner.snapTradeUserId };
    const attempt = (result: string, seconds: number) =>
      makeEvent("CONNECTION_ATTEMPTED", at(seconds), {
        ...person,
        brokerageId: owner.brokerageId,
        connectionAttemptedResult: result,
      });
    for (const event of [
      attempt("INVALID_CREDENTIALS", 10),
      makeEvent("CONNECTION_FAILED", at(11), person),
      attempt("SUCCESS", 20),
    ]) {
      await deliver(event, { now: at(30) });
      await processInbox();
    }
    const all = await recorded(owner.userId);
    expect(all.map(({ type, connectionId: id, data }) => [type, id, data.reason])).toEqual([
      ["sign_in.failed", connectionId, "INVALID_CREDENTIALS"],
    ]);
  });

  test("a person whom SnapTrade deleted is gone once, after their connections", async () => {
    const owner = await makeConnections(2, at(0));
    for (const seconds of [10, 20]) {
      const event = makeEvent("USER_DELETED", at(seconds), { userId: owner.snapTradeUserId });
      await deliver(event, { now: at(30) });
      await processInbox();
    }
    expect(await typesOf(owner.userId)).toEqual(["connection.removed", "connection.removed", "user.gone"]);
  });

  test("a refused secret is news only once it is believed", async () => {
    const { userId } = await makeConnections(1, at(0));
    for (const minute of [0, 1, 10, 60]) await recordRefusal(userId, at(minutes(minute)));
    expect((await recorded(userId)).map(({ type, data }) => [type, data.reason])).toEqual([
      ["user.gone", "refused"],
    ]);
  });
});

test("a connection that usually breaks within a week is announced once after each sign-in", async () => {
  const { userId, brokerageId, ids } = await makeConnections(1, at(0));
  const [connectionId = ""] = ids;
  const db = await database();
  const day = 86_400;
  const repaired = (seconds: number) =>
    db.insert(episodes).values({
      connectionId,
      userId,
      brokerageId,
      brokeAt: at(seconds - 1),
      noticedAt: at(seconds - 1),
      noticedBy: "timer",
      endedAt: at(seconds),
      endedHow: "fixed",
    });
  const lifetimes = new Map([[brokerageId, Array.from({ length: 19 }, (_, index) => 30 + index)]]);
  const announce = (days: number) =>
    transaction((tx) => recordExpiring(tx, userId, lifetimes, at(days * day)));
  await repaired(0);
  for (const days of [10, 33, 34, 35]) await announce(days);
  await repaired(36 * day);
  for (const days of [40, 70, 71]) await announce(days);
  expect((await recorded(userId)).map(({ type, at: happened }) => [type, happened])).toEqual([
    ["connection.expiring", at(33 * day)],
    ["connection.expiring", at(70 * day)],
  ]);
});
