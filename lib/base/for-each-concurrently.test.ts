import { expect, test } from "vitest";
import { forEachConcurrently } from "./for-each-concurrently";

const numbers = Array.from({ length: 20 }, (_, index) => index);
const pace = { atOnce: 3, withinMs: 60_000 };
const turn = () => new Promise((resolve) => setImmediate(resolve));

test("every item is processed, in order, never more than the limit at once", async () => {
  const begun: number[] = [];
  let running = 0;
  let most = 0;
  await forEachConcurrently(numbers, pace, async (number) => {
    begun.push(number);
    most = Math.max(most, ++running);
    await turn();
    running--;
  });
  expect(begun).toEqual(numbers);
  expect(most).toBe(3);
});

test("an item whose work throws is returned, and the others still run", async () => {
  const done: number[] = [];
  const failed = await forEachConcurrently(numbers, pace, async (number) => {
    await turn();
    if (number % 7 === 0) throw new Error("no");
    done.push(number);
  });
  expect(failed).toEqual([0, 7, 14]);
  expect(done).toHaveLength(17);
});

test("no item starts after one returns stop, or after the time is up", async () => {
  const begun: number[] = [];
  await forEachConcurrently(numbers, { ...pace, atOnce: 1 }, (number) => {
    begun.push(number);
    return Promise.resolve(number === 4 ? "stop" : null);
  });
  expect(begun).toEqual([0, 1, 2, 3, 4]);
  await forEachConcurrently(numbers, { atOnce: 3, withinMs: 0 }, (number) =>
    Promise.resolve(begun.push(number)),
  );
  expect(begun).toHaveLength(5);
});

test("an item whose work hangs counts as failed, and blocks neither the others nor the return", async () => {
  const done: number[] = [];
  const failed = await forEachConcurrently(numbers, { ...pace, eachWithinMs: 20 }, async (number) => {
    if (number === 3) await new Promise(() => undefined);
    done.push(number);
  });
  expect(failed).toEqual([3]);
  expect(done).toHaveLength(19);
});
