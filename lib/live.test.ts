import { expect, test, vi } from "vitest";
import { listConnectionViews } from "@/lib/connections/pages/list";
import { database, transaction } from "./db/client";
import { observe } from "@/lib/connections/observations/observe";
import type { OpenDatabase } from "./db/database";
import { makeUser, withDatabase } from "@/lib/testing/with-database";
import { announceChanges, follow, recordChange } from "./live";
import { testSettings } from "@/lib/testing/unique";
import { makeConnections } from "@/lib/testing/webhooks";

Object.assign(process.env, testSettings);
withDatabase();

const start = Date.parse("2026-11-17T09:00:00Z");
const at = (seconds: number) => new Date(start + seconds * 1000);
const moment = { now: at(1000), dayStartedAt: at(0) };

function say(connectionId: string | undefined, state: "enabled" | "disabled", seconds: number) {
  return [
    {
      connectionId: connectionId ?? "",
      state,
      observedAt: at(seconds),
      answeredAt: null,
      disabledAt: null,
      source: "webhook" as const,
      recordedAt: at(seconds),
    },
  ];
}

/** Neon's driver can't LISTEN; the test of polling below covers it. */
const testOfListening = test.skipIf(process.env.TEST_DRIVER === "neon");

/** An open page: remembers the versions announced to it, and can wait for a version. */
async function openPage(userId: string, through = follow) {
  const announced: number[] = [];
  const waiting: (() => void)[] = [];
  const close = await through(userId, (version) => {
    announced.push(version);
    for (const wake of waiting.splice(0)) wake();
  });
  async function until(version: number): Promise<void> {
    while ((announced.at(-1) ?? -1) < version) await new Promise<void>((resolve) => waiting.push(resolve));
  }
  return { announced, until, close };
}

test("an open page hears its version immediately, and again whenever its person's data has changed", async () => {
  const [owner, stranger] = [await makeConnections(1, at(0)), await makeUser()];
  const [page, other] = [await openPage(owner.userId), await openPage(stranger)];
  expect(page.announced).toEqual([0]);
  await observe(owner.userId, say(owner.ids[0], "disabled", 10));
  await page.until(1);
  expect(page.announced).toEqual([0, 1]);
  expect(other.announced).toEqual([0]);
  page.close?.();
  other.close?.();
});

testOfListening(
  "what a page reads after an announcement is never older than the announcement, 300 times",
  async () => {
    const owner = await makeConnections(1, at(0));
    const page = await openPage(owner.userId);
    for (let turn = 1; turn <= 300; turn++) {
      const state = turn % 2 === 1 ? "disabled" : "enabled";
      const written = observe(owner.userId, say(owner.ids[0], state, turn));
      await page.until(turn);
      const { version, connections } = await listConnectionViews(owner.userId, moment);
      expect(version).toBe(turn);
      expect(connections[0]?.disabledAt).toEqual(state === "disabled" ? at(turn) : null);
      await written;
    }
    page.close?.();
  },
  120_000,
);

test("a person has at most five open pages, and room again when one is closed", async () => {
  const userId = await makeUser();
  const pages = await Promise.all(Array.from({ length: 5 }, () => openPage(userId)));
  expect(await follow(userId, () => undefined)).toBeNull();
  pages[0]?.close?.();
  const again = await openPage(userId);
  expect(again.close).not.toBeNull();
  for (const { close } of [...pages, again]) close?.();
});

test("where the database cannot notify, the page hears of changes by polling", async () => {
  const holder = globalThis as { reconnectDatabase?: Promise<OpenDatabase>; reconnectLive?: unknown };
  const opened = await holder.reconnectDatabase;
  if (!opened) throw new Error("No database is open");
  const owner = await makeConnections(1, at(0));
  vi.resetModules();
  const live = holder.reconnectLive;
  delete holder.reconnectLive;
  holder.reconnectDatabase = Promise.resolve({ ...opened, listen: null });
  const { follow: followByAsking } = await import("./live");
  holder.reconnectLive = live;
  const page = await openPage(owner.userId, followByAsking);
  await observe(owner.userId, say(owner.ids[0], "disabled", 10));
  await page.until(1);
  page.close?.();
  holder.reconnectDatabase = Promise.resolve(opened);
});

testOfListening(
  "an announcement about others makes a process without their pages query nothing",
  async () => {
    const [owner, stranger] = [await makeConnections(1, at(0)), await makeUser()];
    const page = await openPage(stranger);
    const db = await database();
    const select = vi.spyOn(db, "select");
    await observe(owner.userId, say(owner.ids[0], "disabled", 10));
    const before = select.mock.calls.length;
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(select.mock.calls.length).toBe(before);
    select.mockRestore();
    expect(page.announced).toEqual([0]);
    page.close?.();
  },
);

test("a change whose commit was answered too late is announced with the next one", async () => {
  const holder = globalThis as { reconnectDatabase?: Promise<OpenDatabase> };
  const opened = await holder.reconnectDatabase;
  if (!opened) throw new Error("No database is open");
  const [owner, other] = [await makeUser(), await makeUser()];
  const page = await openPage(owner);
  const late: OpenDatabase["transaction"] = async (work) => {
    await opened.transaction(work);
    throw new Error("The answer was lost");
  };
  holder.reconnectDatabase = Promise.resolve({ ...opened, transaction: late });
  await expect(transaction((tx) => recordChange(tx, owner))).rejects.toThrow("lost");
  holder.reconnectDatabase = Promise.resolve(opened);
  await transaction((tx) => recordChange(tx, other));
  await announceChanges();
  await page.until(1);
  page.close?.();
});
