import { expect, test } from "vitest";
import { coalesce } from "./coalesce";
import { TimeLimitExceeded } from "./time-limit";

test("a run that hangs fails at its time limit, and callers waiting for the next run get that one", async () => {
  let runs = 0;
  const work = coalesce(
    () => (++runs === 1 ? new Promise<number>(() => undefined) : Promise.resolve(runs)),
    20,
  );
  const first = work();
  const second = work();
  await expect(first).rejects.toThrow(TimeLimitExceeded);
  expect(await second).toBe(2);
  expect(await work()).toBe(3);
});

test("callers during a run share one more run after it", async () => {
  let runs = 0;
  const work = coalesce(async () => {
    await new Promise((resolve) => setImmediate(resolve));
    return ++runs;
  });
  expect(await Promise.all([work(), work(), work()])).toEqual([1, 2, 2]);
});
