import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeGround, withDefect } from "./ground";
import { mutate } from "./mutations";
import { historyOf, play, type Ground, type StoredHistory } from "./run";

const folder = path.join(import.meta.dirname, "history/kept");
const stored = readdirSync(folder).map((name) => ({
  name: path.basename(name, ".json"),
  ...(JSON.parse(readFileSync(path.join(folder, name), "utf8")) as StoredHistory),
}));

let ground: Ground;
beforeAll(async () => {
  ground = await makeGround();
}, 240_000);
afterAll(() => ground.pglite.close());

describe("the simulation", () => {
  test("the same seed gives an identical run", async () => {
    const history = { ...historyOf("same", 2), troubleMs: 60_000, quietMs: 20_000 };
    const one = await play(ground, "same", history);
    await play(ground, "between", { ...historyOf("between", 2), troubleMs: 30_000, quietMs: 1_000 });
    const other = await play(ground, "same", history);
    expect(other).toEqual(one);
    expect(one.statements).toBeGreaterThan(100);
  }, 240_000);

  test("a different seed gives a different run", async () => {
    const history = { ...historyOf("same", 2), troubleMs: 30_000, quietMs: 1_000, actions: [] };
    expect((await play(ground, "one", history)).trace).not.toBe((await play(ground, "other", history)).trace);
  }, 240_000);

  test("as many people and days are played as were asked for", () => {
    const crowd = historyOf("same", 6);
    expect(crowd.people).toBe(6);
    expect(
      new Set(crowd.actions.map((action) => ("person" in action ? action.person : 0))).size,
    ).toBeGreaterThan(3);
    const long = historyOf("same", 2, 2);
    expect(long.troubleMs).toBe(2 * 86_400_000);
    expect(long.actions.filter(({ at }) => at > 86_400_000).length).toBeGreaterThan(50);
  });

  test.each(stored)(
    "the kept history $name violates no invariant",
    async ({ seed, history }) => {
      expect((await play(ground, seed, history)).violation).toBeNull();
    },
    240_000,
  );

  test.each(stored.flatMap(({ mutation = null, ...kept }) => (mutation ? [{ mutation, ...kept }] : [])))(
    "the defect found by $name is still found",
    async ({ seed, history, mutation, invariant }) => {
      const { violation } = await play(await withDefect(ground, mutation), seed, history);
      expect(violation?.invariant).toBe(invariant);
    },
    240_000,
  );

  test("an unknown defect can't be reintroduced", () => {
    expect(() => mutate("Z9")).toThrow("no mutation");
  });

  test("a defect whose text has changed is reported instead of silently skipped", () => {
    expect(() => mutate("E1").change("lib/budget.ts", "")).toThrow("no longer fits");
    expect(() => mutate("E1").checkDone()).toThrow("not bundled");
  });
});
