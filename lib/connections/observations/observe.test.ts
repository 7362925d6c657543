import { randomUUID } from "node:crypto";
import { asc, eq } from "drizzle-orm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { database } from "@/lib/db/client";
import { connections, episodes, observations } from "@/lib/db/schema/connections";
import { snapTradeUsers } from "@/lib/db/schema/users";
import { makeUser, withDatabase } from "@/lib/testing/with-database";
import { maxKept, project, type Observation } from "./project";
import { observe, type ConnectionObservation } from "./observe";

withDatabase();

const start = Date.parse("2026-11-17T09:00:00Z");
const at = (seconds: number) => new Date(start + seconds * 1000);

const brokerage = {
  id: randomUUID(),
  slug: "QUESTRADE",
  name: "Questrade",
  logoUrl: null,
  enabled: true,
  maintenance: false,
  degraded: false,
  allowsTrading: false,
};
const details = { brokerage, access: "read" as const, connectedSince: at(-1000), updatedAt: null };

function seen(
  connectionId: string,
  state: Observation["state"],
  seconds: number,
  more: Partial<ConnectionObservation> = {},
): ConnectionObservation {
  return {
    connectionId,
    state,
    observedAt: at(seconds),
    answeredAt: null,
    disabledAt: null,
    source: "webhook",
    recordedAt: at(seconds),
    details,
    ...more,
  };
}

async function stored(connectionId: string) {
  const db = await database();
  const [row] = await db
    .select({
      state: connections.state,
      observedAt: connections.observedAt,
      disabledAt: connections.disabledAt,
    })
    .from(connections)
    .where(eq(connections.id, connectionId));
  const rows = await db
    .select()
    .from(episodes)
    .where(eq(episodes.connectionId, connectionId))
    .orderBy(asc(episodes.brokeAt));
  return { ...row, episodes: rows.map(({ brokeAt, endedAt, endedHow }) => ({ brokeAt, endedAt, endedHow })) };
}

const anObservation = fc.record({
  state: fc.oneof(
    { weight: 8, arbitrary: fc.constant("enabled" as const) },
    { weight: 8, arbitrary: fc.constant("disabled" as const) },
    { weight: 1, arbitrary: fc.constant("deleted" as const) },
  ),
  seconds: fc.integer({ min: 0, max: 30 }),
  disabledSecondsBefore: fc.option(fc.integer({ min: 0, max: 5 })),
});

describe("observe", () => {
  test("any order and repetition of the same observations ends in the same row and the same episodes", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc
          .array(anObservation, { minLength: 1, maxLength: 8 })
          .chain((list) =>
            fc.tuple(
              fc.constant(list),
              fc.shuffledSubarray([...list, ...list], { minLength: list.length * 2 }),
            ),
          ),
        async ([list, repeated]) => {
          const distinct = new Map(list.map((item) => [`${item.state} ${item.seconds}`, item]));
          const observationOf = (item: (typeof list)[number], connectionId: string) => {
            const same = distinct.get(`${item.state} ${item.seconds}`) ?? item;
            const before = same.state === "disabled" ? same.disabledSecondsBefore : null;
            return seen(connectionId, same.state, same.seconds, {
              disabledAt: before === null ? null : at(same.seconds - before),
            });
          };
          const expected = project([...distinct.values()].map((item) => observationOf(item, "")));
          const userId = await makeUser();
          const connectionId = randomUUID();
          for (const item of repeated) await observe(userId, [observationOf(item, connectionId)]);
          expect(await stored(connectionId)).toEqual({
            state: expected.state,
            observedAt: expected.observedAt,
            disabledAt: expected.disabledAt,
            episodes: expected.episodes.map(({ brokeAt, endedAt, endedHow }) => ({
              brokeAt,
              endedAt,
              endedHow,
            })),
          });
        },
      ),
      { numRuns: 60 },
    );
  });

  test("a late observation never overwrites a newer one, but its episode is still recorded", async () => {
    const userId = await makeUser();
    const id = randomUUID();
    await observe(userId, [seen(id, "enabled", 0)]);
    await observe(userId, [seen(id, "enabled", 100, { source: "webhook" })]);
    await observe(userId, [seen(id, "disabled", 50, { source: "webhook", recordedAt: at(4000) })]);
    expect(await stored(id)).toEqual({
      state: "enabled",
      observedAt: at(100),
      disabledAt: null,
      episodes: [{ brokeAt: at(50), endedAt: at(100), endedHow: "fixed" }],
    });
  });

  test("deleted is final", async () => {
    const userId = await makeUser();
    const id = randomUUID();
    await observe(userId, [seen(id, "disabled", 0)]);
    await observe(userId, [seen(id, "deleted", 10)]);
    await observe(userId, [seen(id, "enabled", 20)]);
    expect(await stored(id)).toMatchObject({
      state: "deleted",
      observedAt: at(10),
      episodes: [{ endedHow: "deleted" }],
    });
  });

  /** A read asked and answered at different moments. */
  const readOf = (
    id: string,
    state: Observation["state"],
    asked: number,
    answered: number,
    more: Partial<ConnectionObservation> = {},
  ) =>
    seen(id, state, asked, { answeredAt: at(answered), source: "person", recordedAt: at(answered), ...more });
  const dueAt = async (userId: string) =>
    (await (await database()).select().from(snapTradeUsers).where(eq(snapTradeUsers.userId, userId)))[0]
      ?.lookDueAt;

  test.each([
    ["before", (id: string) => [seen(id, "disabled", 20), readOf(id, "enabled", 10, 25)]],
    [
      "after",
      (id: string) => [readOf(id, "enabled", 10, 25), seen(id, "disabled", 20, { recordedAt: at(25) })],
    ],
  ])(
    "a slow answer that reaches us %s the break it missed leaves the break open, and SnapTrade is asked again at once",
    async (_, story) => {
      const userId = await makeUser();
      const id = randomUUID();
      await observe(userId, [readOf(id, "enabled", 0, 1)]);
      for (const observation of story(id)) await observe(userId, [observation]);
      expect(await stored(id)).toMatchObject({ state: "disabled", disabledAt: at(20) });
      expect((await dueAt(userId))?.getTime()).toBeLessThanOrEqual(at(27).getTime());
    },
  );

  test("a slow answer from before a repair does not undo the repair", async () => {
    const userId = await makeUser();
    const id = randomUUID();
    await observe(userId, [seen(id, "disabled", 0)]);
    await observe(userId, [seen(id, "enabled", 20)]);
    await observe(userId, [readOf(id, "disabled", 10, 25, { disabledAt: at(0) })]);
    expect(await stored(id)).toMatchObject({ state: "enabled", episodes: [{ endedAt: at(20) }] });
    expect(await dueAt(userId)).not.toBeNull();
  });

  test("an event contradicted by a read soon after causes one more read; observations far apart do not", async () => {
    const [close, apart] = [await makeUser(), await makeUser()];
    const [one, other] = [randomUUID(), randomUUID()];
    await observe(close, [seen(one, "disabled", 10)]);
    await observe(close, [readOf(one, "enabled", 12, 13)]);
    await observe(apart, [seen(other, "disabled", 10)]);
    await observe(apart, [readOf(other, "enabled", 100, 101)]);
    expect(await dueAt(close)).toEqual(at(23));
    expect(await dueAt(apart)).toBeNull();
  });

  test("an episode keeps its row when the one before turns out to have ended in the same millisecond", async () => {
    const [userId, id] = [await makeUser(), randomUUID()];
    const rows = async () =>
      (await database())
        .select()
        .from(episodes)
        .where(eq(episodes.connectionId, id))
        .orderBy(asc(episodes.brokeAt));
    await observe(userId, [seen(id, "enabled", 0)]);
    await observe(userId, [seen(id, "disabled", 20)]);
    const [known] = await rows();
    await observe(userId, [seen(id, "enabled", 20)]);
    await observe(userId, [seen(id, "disabled", 10)]);
    const after = await rows();
    expect(after).toMatchObject([
      { brokeAt: at(10), endedAt: at(20), endedHow: "fixed" },
      { brokeAt: at(20), endedAt: null },
    ]);
    expect(after[1]?.id).toBe(known?.id);
  });

  test("however many reads agree, only a few rows are kept", async () => {
    const userId = await makeUser();
    const id = randomUUID();
    for (let second = 0; second < 300; second += 10)
      await observe(userId, [readOf(id, "disabled", second, second + 1, { disabledAt: at(-5) })]);
    const db = await database();
    expect(
      (await db.select().from(observations).where(eq(observations.connectionId, id))).length,
    ).toBeLessThanOrEqual(3);
    expect(await stored(id)).toMatchObject({ observedAt: at(290), episodes: [{ endedAt: null }] });
  });

  test("forgetting old observations removes no episode", async () => {
    const [userId, id] = [await makeUser(), randomUUID()];
    const flips = Array.from({ length: maxKept + 10 }, (_, index) =>
      seen(id, index % 2 ? "enabled" : "disabled", index),
    );
    await observe(userId, flips);
    const { episodes: all } = await stored(id);
    expect(all).toHaveLength(flips.length / 2);
  });

  test("another user's connection is neither changed nor moved", async () => {
    const [owner, stranger] = [await makeUser(), await makeUser()];
    const id = randomUUID();
    await observe(owner, [seen(id, "enabled", 0)]);
    expect(await observe(stranger, [seen(id, "disabled", 10)])).toEqual([]);
    expect(await stored(id)).toMatchObject({ state: "enabled", observedAt: at(0), episodes: [] });
  });

  test("the same observation recorded ten times at once is written once", async () => {
    const userId = await makeUser();
    const id = randomUUID();
    await observe(userId, [seen(id, "enabled", 0)]);
    const changed = await Promise.all(
      Array.from({ length: 10 }, () => observe(userId, [seen(id, "disabled", 5)])),
    );
    expect(changed.flat()).toEqual([id]);
    expect((await stored(id)).episodes).toHaveLength(1);
  });
});
