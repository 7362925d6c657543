import fc from "fast-check";
import { expect, test } from "vitest";
import { createServerClock } from "./server-clock";

const noon = Date.parse("2026-11-17T12:00:00Z");
const dateOf = (serverTime: number) => Math.floor(serverTime / 1000) * 1000;

test("the interval always contains the moment the server answered, however its clock is set", () => {
  const call = fc.record({
    pause: fc.integer({ min: 0, max: 5_000 }),
    there: fc.integer({ min: 0, max: 8_000 }),
    back: fc.integer({ min: 0, max: 8_000 }),
  });
  fc.assert(
    fc.property(
      fc.integer({ min: -600_000, max: 280_000 }),
      fc.array(call, { minLength: 1, maxLength: 20 }),
      (ahead, calls) => {
        const intervalOf = createServerClock();
        let now = noon;
        for (const { pause, there, back } of calls) {
          const asked = now + pause;
          const answered = asked + there;
          now = answered + back;
          const { askedAt, answeredAt } = intervalOf(dateOf(answered + ahead), asked, now);
          expect(askedAt.getTime()).toBeLessThanOrEqual(answered + ahead);
          expect(answeredAt.getTime()).toBeGreaterThanOrEqual(answered + ahead);
        }
      },
    ),
  );
});

test("two requests within one second keep their order", () => {
  const intervalOf = createServerClock();
  const first = intervalOf(noon, noon + 100, noon + 150);
  const second = intervalOf(noon, noon + 200, noon + 900);
  expect(second.askedAt.getTime()).toBeGreaterThan(first.askedAt.getTime());
});

test("after some answers the clock offset is known to a fraction of a second", () => {
  const intervalOf = createServerClock();
  const ahead = -180_000;
  let last = { askedAt: new Date(0), answeredAt: new Date(0) };
  for (let call = 0; call < 50; call++) {
    const asked = noon + call * 1_730;
    last = intervalOf(dateOf(asked + 20 + ahead), asked, asked + 40);
  }
  expect(last.answeredAt.getTime() - last.askedAt.getTime()).toBeLessThan(250);
});

test("an answer without a date, or with one far ahead, is dated using the other answers", () => {
  const intervalOf = createServerClock();
  intervalOf(noon - 180_000, noon, noon + 10);
  for (const date of [null, Number.NaN, noon + 3_600_000]) {
    const { askedAt } = intervalOf(date, noon + 1_000, noon + 1_010);
    expect(Math.abs(askedAt.getTime() - (noon + 1_000 - 180_000))).toBeLessThanOrEqual(1_050);
  }
});

test("a cached answer is dated to when it was cached, and does not distort the clock offset", () => {
  const intervalOf = createServerClock();
  const first = intervalOf(noon, noon, noon + 10);
  const keptAt = noon - 600_000;
  const cached = intervalOf(keptAt, noon + 5_000, noon + 5_010, 605_000);
  expect(cached.askedAt.getTime()).toBeLessThanOrEqual(keptAt);
  expect(keptAt - cached.askedAt.getTime()).toBeLessThan(3_000);
  expect(cached.answeredAt.getTime()).toBeGreaterThanOrEqual(keptAt);
  expect(cached.answeredAt.getTime()).toBeLessThan(first.askedAt.getTime());
  const next = intervalOf(null, noon + 6_000, noon + 6_010);
  expect(Math.abs(next.askedAt.getTime() - (noon + 6_000))).toBeLessThanOrEqual(1_050);
});

test("a clock that was reset is trusted again from the next answer on", () => {
  const intervalOf = createServerClock();
  intervalOf(noon, noon, noon + 10);
  const { askedAt } = intervalOf(noon - 60_000 + 5_000, noon + 5_000, noon + 5_010);
  expect(Math.abs(askedAt.getTime() - (noon - 55_000))).toBeLessThanOrEqual(1_050);
});
