import fc from "fast-check";
import { expect, test } from "vitest";
import { forgettable, project, type Observation } from "./episodes";

const at = (seconds: number) => new Date(Date.parse("2026-11-17T09:00:00Z") + seconds * 1000);

const observations = fc.array(
  fc
    .record({
      state: fc.constantFrom("enabled" as const, "disabled" as const, "deleted" as const),
      seconds: fc.integer({ min: 0, max: 40 }),
      brokeBefore: fc.option(fc.integer({ min: 0, max: 20 })),
      learnedAfter: fc.integer({ min: 0, max: 100 }),
      source: fc.constantFrom("webhook" as const, "person" as const),
    })
    .map(({ state, seconds, brokeBefore, learnedAfter, source }): Observation => ({
      state,
      observedAt: at(seconds),
      disabledAt: state === "disabled" && brokeBefore !== null ? at(seconds - brokeBefore) : null,
      source,
      recordedAt: at(seconds + learnedAfter),
    })),
  { minLength: 1, maxLength: 25 },
);

test("forgetting changes nothing that is known", () => {
  fc.assert(
    fc.property(observations, fc.integer({ min: 0, max: 50 }), (history, before) => {
      const forgotten = forgettable(history, at(before));
      expect(project(history.filter((observation) => !forgotten.includes(observation)))).toEqual(project(history));
    }),
    { numRuns: 2_000 },
  );
});

test("the inside of a long healthy run is forgotten, its ends and what is recent are kept", () => {
  const looks = Array.from({ length: 10 }, (_, index): Observation => ({
    state: "enabled",
    observedAt: at(index),
    disabledAt: null,
    source: "person",
    recordedAt: at(index),
  }));
  expect(forgettable(looks, at(5)).map(({ observedAt }) => observedAt)).toEqual([1, 2, 3, 4].map(at));
});

test("a connection that was never observed has no state", () => {
  expect(() => project([])).toThrow(RangeError);
});
