import fc from "fast-check";
import { expect, test } from "vitest";
import { forgettable, maxKept, project, type Observation } from "./project";

const at = (seconds: number) => new Date(Date.parse("2026-11-17T09:00:00Z") + seconds * 1000);

const observations = fc.array(
  fc
    .record({
      state: fc.constantFrom("enabled" as const, "disabled" as const, "deleted" as const),
      // Some close together, some so far apart that a deletion no longer stands.
      seconds: fc.oneof(
        fc.integer({ min: 0, max: 40 }),
        fc.integer({ min: 0, max: 90 }).map((tens) => tens * 10),
      ),
      brokeBefore: fc.option(fc.integer({ min: 0, max: 20 })),
      learnedAfter: fc.integer({ min: 0, max: 100 }),
      source: fc.constantFrom("webhook" as const, "person" as const),
    })
    .map(({ state, seconds, brokeBefore, learnedAfter, source }): Observation => ({
      state,
      observedAt: at(seconds),
      answeredAt: source === "webhook" ? null : at(seconds + 1),
      disabledAt: state === "disabled" && brokeBefore !== null ? at(seconds - brokeBefore) : null,
      source,
      recordedAt: at(seconds + learnedAfter),
    })),
  { minLength: 1, maxLength: 25 },
);

test("forgetting observations changes no projection", () => {
  fc.assert(
    fc.property(observations, (history) => {
      const forgotten = forgettable(history);
      expect(project(history.filter((observation) => !forgotten.includes(observation)))).toEqual(
        project(history),
      );
    }),
    { numRuns: 2_000 },
  );
});

const read = (state: Observation["state"], seconds: number, disabledAt: Date | null = null): Observation => ({
  state,
  observedAt: at(seconds),
  answeredAt: at(seconds + 1),
  disabledAt,
  source: "person",
  recordedAt: at(seconds + 1),
});
const event = (state: Observation["state"], seconds: number): Observation => ({
  ...read(state, seconds),
  answeredAt: null,
  source: "webhook",
});

test.each(["enabled", "disabled"] as const)(
  "however often SnapTrade is read, only the ends of a run of %s are kept",
  (state) => {
    const reads = Array.from({ length: 500 }, (_, index) =>
      read(state, index, state === "disabled" ? at(-60) : null),
    );
    const forgotten = forgettable([event("disabled", -60), ...reads]);
    expect(reads.length - forgotten.length).toBeLessThanOrEqual(3);
  },
);

test("no two episodes of a connection begin in the same millisecond, so their start orders them", () => {
  fc.assert(
    fc.property(observations, (history) => {
      const begun = project(history).episodes.map(({ brokeAt }) => brokeAt.getTime());
      expect(begun).toEqual([...new Set(begun)].sort((one, other) => one - other));
    }),
    { numRuns: 5_000 },
  );
});

test("a connection that keeps breaking has a bounded history that starts while it worked", () => {
  const flips = Array.from({ length: 2_000 }, (_, index) => event(index % 2 ? "disabled" : "enabled", index));
  const forgotten = forgettable(flips);
  const kept = flips.filter((observation) => !forgotten.includes(observation));
  expect(kept.length).toBeLessThanOrEqual(maxKept);
  expect(kept[0]?.state).toBe("enabled");
});

test("a read that still shows the break after its repair was announced continues that break instead of starting a new one", () => {
  const history = [
    event("disabled", 0),
    event("enabled", 100),
    read("disabled", 105, at(0)),
    read("enabled", 120),
  ];
  expect(project(history).episodes).toEqual([
    expect.objectContaining({ brokeAt: at(0), endedAt: at(120), endedHow: "fixed" }),
  ]);
});

test("a break with a date of its own, or long after the repair, is a new one", () => {
  const fixed = [event("disabled", 0), event("enabled", 100)];
  expect(project([...fixed, read("disabled", 105, at(102))]).episodes).toHaveLength(2);
  expect(project([...fixed, read("disabled", 100 + 11 * 60, at(0))]).episodes).toHaveLength(2);
});

test("a connection that SnapTrade lists again is alive again, and its break continues", () => {
  const gone = [event("disabled", 0), read("deleted", 50)];
  expect(project(gone)).toMatchObject({ state: "deleted", episodes: [{ endedHow: "deleted" }] });
  expect(project([...gone, read("disabled", 60, at(0))])).toMatchObject({
    state: "disabled",
    episodes: [{ brokeAt: at(0), endedAt: null }],
  });
});

test("a deletion signed by SnapTrade outranks lagging lists, but not a connection that stays listed", () => {
  const gone = [read("enabled", 0), event("deleted", 50)];
  expect(project([...gone, read("enabled", 60)]).state).toBe("deleted");
  expect(project([...gone, event("enabled", 400)]).state).toBe("deleted");
  expect(project([...gone, read("enabled", 400)]).state).toBe("enabled");
});

test("a break that outlasts a wrong deletion stays one episode, however often SnapTrade is read afterwards", () => {
  let kept = [event("enabled", -60), event("deleted", 0)];
  for (let seconds = 60; seconds <= 1_800; seconds += 60) {
    kept = [...kept, read("disabled", seconds, at(30))];
    const forgotten = forgettable(kept);
    kept = kept.filter((observation) => !forgotten.includes(observation));
  }
  expect(project(kept).episodes).toMatchObject([{ noticedAt: at(361) }]);
  expect(kept.length).toBeLessThan(6);
});

test("a connection that was never observed has no state", () => {
  expect(() => project([])).toThrow(RangeError);
});
