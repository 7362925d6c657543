import { sql } from "drizzle-orm";
import { afterEach, describe, expect, test, vi } from "vitest";
import { z } from "zod";
import { database, transaction } from "@/lib/db/client";
import { withDatabase } from "@/lib/testing/with-database";
import { snapTradeLimits } from "@/lib/db/schema/work";
import { callSnapTrade } from "./client";
import {
  deleteConnection,
  isConnectionGone,
  listAccounts,
  listBrokerages,
  listConnections,
  listOAuthBrokerages,
} from "./connections";
import { createLoginLink } from "./login-link";
import { fact, withAnswers } from "@/lib/testing/snaptrade";
import { deleteSnapTradeUser, registerSnapTradeUser } from "./users";

const snapTrade = withAnswers();
withDatabase();

const person = { snapTradeUserId: "person", userSecret: "secret" };
const id = "87b24961-b51e-4db8-9226-f198f6518a89";

afterEach(() => {
  vi.useRealTimers();
});

const operations: [string, number, () => Promise<unknown>][] = [
  ["list", 15, () => listConnections(person)],
  ["detail", 15, () => isConnectionGone(person, id)],
  ["delete", 15, () => deleteConnection(person, id)],
  ["accounts", 15, () => listAccounts(person)],
  ["brokerages", 15, () => listBrokerages()],
  ["authorization types", 15, () => listOAuthBrokerages()],
  ["register", 15, () => registerSnapTradeUser("new", "user")],
  ["delete user", 15, () => deleteSnapTradeUser("old")],
  [
    "login",
    60,
    () =>
      createLoginLink(person, { reconnect: id }, { returnUrl: "https://app.example.com/", darkMode: false }),
  ],
];

describe("every call has a total time limit", () => {
  test.each(operations)(
    "%s ends after %i seconds, however slowly its answer trickles in",
    async (_, seconds, ask) => {
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
      const hungUp = fact();
      const trickling = fact();
      snapTrade.answer((_request, response) => {
        response.writeHead(200, { "Content-Type": "application/json" }).write("[");
        let drops = 0;
        const trickle = setInterval(() => {
          response.write(" ");
          if (++drops === 3) trickling.happen();
        }, 5);
        response.on("close", () => {
          clearInterval(trickle);
          hungUp.happen();
        });
      });
      let ended = false;
      const asking = ask().then(
        () => "answered",
        (error: unknown) => error,
      );
      void asking.then(() => (ended = true));
      await trickling.happened;
      await vi.advanceTimersByTimeAsync(seconds * 1000 - 1);
      expect(ended).toBe(false);
      await vi.advanceTimersByTimeAsync(1);
      expect(await asking).toMatchObject({ kind: "away" });
      await hungUp.happened;
    },
  );

  test("waiting for admission counts toward the limit, and a call whose time is up is never sent", async () => {
    const release = fact();
    const held = fact();
    const holding = transaction(async (tx) => {
      await tx.update(snapTradeLimits).set({ refusals: 0 });
      held.happen();
      await release.happened;
    });
    await held.happened;
    const asking = callSnapTrade(
      "list",
      z.unknown(),
      (api, options) => api.referenceData.listAllBrokerages(options),
      { withinMs: 50 },
    );
    await expect(asking).rejects.toMatchObject({ kind: "away" });
    release.happen();
    await holding;
    expect(snapTrade.paths).toEqual([]);
  });

  test("an answer over ten megabytes is not read to the end", async () => {
    const hungUp = fact();
    snapTrade.answer((_, response) => {
      response.writeHead(200, { "Content-Type": "application/json" });
      response.on("close", hungUp.happen);
      const pour = () => {
        while (!response.destroyed && response.write(" ".repeat(100_000)));
        if (!response.destroyed) response.once("drain", pour);
      };
      pour();
    });
    await expect(listConnections(person)).rejects.toMatchObject({ kind: "away" });
    await hungUp.happened;
  });
});

test("a network connection that SnapTrade closes after an answer fails no later call", async () => {
  const used = new Set<unknown>();
  snapTrade.answer(({ socket }, response) => {
    if (used.has(socket)) return void socket.destroy();
    used.add(socket);
    response.writeHead(200, { "Content-Type": "application/json" }).end("[]");
  });
  for (let calls = 0; calls < 3; calls++) await listConnections(person);
});

describe("a 429", () => {
  const busyFor = async (headers: Record<string, string>) => {
    snapTrade.answerJson({ detail: "Request was throttled." }, headers, 429);
    const failure = await listConnections(person).catch((error: unknown) => error);
    expect(failure).toMatchObject({ kind: "busy" });
    const next = await listConnections({ ...person, snapTradeUserId: "other" }).catch(
      (error: unknown) => error,
    );
    expect(snapTrade.paths).toHaveLength(1);
    return (next as { details: { retryAfterSeconds: number } }).details.retryAfterSeconds;
  };
  const tenMinutesOff = Date.now() + 600_000;
  const date = (ms: number) => new Date(ms).toUTCString();

  test.each([
    ["seconds in Retry-After", { "Retry-After": "7" }, 7],
    ["seconds in X-RateLimit-Reset", { "X-RateLimit-Reset": "8" }, 8],
    [
      "a date, by SnapTrade's own clock",
      { Date: date(tenMinutesOff), "Retry-After": date(tenMinutesOff + 9_000) },
      9,
    ],
    [
      "a Unix time, by SnapTrade's own clock",
      { Date: date(tenMinutesOff), "X-RateLimit-Reset": String(Math.floor(tenMinutesOff / 1000) + 11) },
      11,
    ],
    ["a date in the past", { Date: date(tenMinutesOff), "Retry-After": date(tenMinutesOff - 9_000) }, 1],
    ["far too many seconds", { "Retry-After": "86400" }, 120],
    ["words", { "Retry-After": "soon", "X-RateLimit-Reset": "-4" }, 5],
    ["nothing", {}, 5],
  ])("with %s blocks for that long, within bounds", async (_, headers, seconds) => {
    expect(await busyFor(headers)).toBe(seconds);
  });
});

test("SnapTrade's result is not lost when the budget cannot be updated", async () => {
  const db = await database();
  snapTrade.answer((_, response) => {
    void db.execute(sql`alter table snaptrade_limits rename to snaptrade_limits_away`).then(() =>
      response
        .writeHead(200, {
          "Content-Type": "application/json",
          "X-RateLimit-Limit": "250",
          "X-RateLimit-Remaining": "249",
        })
        .end(JSON.stringify({ userId: "new", userSecret: "kept" })),
    );
  });
  try {
    expect(await registerSnapTradeUser("new", "user")).toEqual({
      snapTradeUserId: "new",
      userSecret: "kept",
    });
  } finally {
    await db.execute(sql`alter table snaptrade_limits_away rename to snaptrade_limits`);
  }
});

test("a person who exceeds their share is refused as that person only; other people and calls not tied to a person are still admitted", async () => {
  const db = await database();
  await db.update(snapTradeLimits).set({ perMinute: 250 });
  snapTrade.answerJson([]);
  const results = await Promise.allSettled(Array.from({ length: 60 }, () => listConnections(person)));
  expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(40);
  await expect(listAccounts(person)).rejects.toMatchObject({
    kind: "busy",
    details: { limitedBy: "person" },
  });
  await expect(listAccounts({ ...person, snapTradeUserId: "other" })).resolves.toBeDefined();
  await expect(listBrokerages()).resolves.toBeDefined();
});
