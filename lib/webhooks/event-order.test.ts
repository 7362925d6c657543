import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { project } from "@/lib/connections/observations/project";
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
  minutes,
  storedEvent,
  type Members,
  type State,
} from "@/lib/testing/webhooks";

// SnapTrade is unreachable here, so everything these tests observe comes from the events alone.
Object.assign(process.env, testSettings, { SNAPTRADE_API_URL: "http://localhost:9" });
withDatabase();

/** What the reference projection makes of the same statements. */
function projected(statements: { state: State; seconds: number }[]) {
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

/** A run has a time limit and leaves the rest to the next one. */
async function processAll() {
  while ((await processInbox()).done > 0);
}

describe("events of one connection", () => {
  test("lead to the state that the reference projection gives, in every order of up to six", async () => {
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
      expect(await known(owner.ids[index])).toMatchObject(projected(order));
  }, 180_000);

  test("lead to the state that the reference projection gives, in longer random sequences with copies and delays", async () => {
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
      expect(await known(owner.ids[index])).toMatchObject(projected(story));
  }, 120_000);

  test.each(Array.from({ length: 10 }, (_, index) => index + 1))(
    "have one effect if %i copies arrive at once",
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

  test("that report a break and a repair between two looks make an episode, in either order", async () => {
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
  ])(
    "that are retried after %s take effect at their own timestamp, and request a look",
    async (_, seconds) => {
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
    },
  );

  test("without a time, or from the future, change nothing but request a look", async () => {
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
