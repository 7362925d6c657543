import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeGround } from "./ground";
import { historyOf, play, type Ground } from "./run";

let ground: Ground;
beforeAll(async () => {
  ground = await makeGround();
}, 120_000);
afterAll(() => ground.pglite.close());

describe("the simulation", () => {
  test("the same seed gives the same run to the last step", async () => {
    const history = { ...historyOf("same", 2), troubleMs: 120_000, quietMs: 60_000 };
    const one = await play(ground, "same", history);
    const other = await play(ground, "same", history);
    expect(other).toEqual(one);
    expect(one.statements).toBeGreaterThan(100);
  }, 180_000);

  test("another seed gives another run", async () => {
    const history = { ...historyOf("same", 2), troubleMs: 60_000, quietMs: 1_000, actions: [] };
    expect((await play(ground, "one", history)).trace).not.toBe((await play(ground, "other", history)).trace);
  }, 180_000);
});
