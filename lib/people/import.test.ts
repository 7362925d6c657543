import { randomUUID } from "node:crypto";
import { sql } from "drizzle-orm";
import { beforeEach, describe, expect, test } from "vitest";
import { forEachConcurrently } from "@/lib/base/for-each-concurrently";
import { database } from "@/lib/db/client";
import { connections } from "@/lib/db/schema/connections";
import { snapTradeUsers, users } from "@/lib/db/schema/users";
import { snapTradeCalls, snapTradeLimits } from "@/lib/db/schema/work";
import { registerSnapTradeUser } from "@/lib/snaptrade/users";
import { withEmulator } from "@/lib/testing/connections";
import { withDatabase } from "@/lib/testing/with-database";
import { importUsers, type RejectedLine } from "./import";
import { listOrphans } from "./orphans";

withDatabase();
const emulator = withEmulator();

beforeEach(async () => {
  await emulator.post("/reset");
  await emulator.post("/settings", { rateLimit: 100_000 });
  const db = await database();
  await db.execute(sql`truncate ${users}, ${snapTradeCalls} cascade`);
  await db.update(snapTradeLimits).set({ perMinute: 100_000, remaining: null, blockedUntil: null });
});

async function makeTheirs(count: number, name = "customer") {
  const made: ({ externalId: string } & Awaited<ReturnType<typeof registerSnapTradeUser>>)[] = [];
  await forEachConcurrently([...Array(count).keys()], { atOnce: 8, withinMs: 60_000 }, async (index) => {
    const credentials = await registerSnapTradeUser(randomUUID(), "the company");
    made[index] = { externalId: `${name} ${index}`, ...credentials };
  });
  return made;
}

// eslint-disable-next-line @typescript-eslint/require-await
async function* inPieces(content: Buffer, bytes: number) {
  for (let at = 0; at < content.length; at += bytes) yield content.subarray(at, at + bytes);
}

async function run(
  lines: (object | string)[],
  { dryRun = false, stopAfter = Infinity }: { dryRun?: boolean; stopAfter?: number } = {},
) {
  const texts = lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line)));
  const rejected: RejectedLine[] = [];
  let left = stopAfter;
  const counts = await importUsers(inPieces(Buffer.from(texts.join("\n")), 7_777), {
    dryRun,
    clock: () => new Date(),
    sleep: () => Promise.resolve(),
    onRejected: (one) => Promise.resolve(void rejected.push(one)),
    onProgress() {
      left -= 1;
      if (left < 0) throw new Error("stopped");
    },
  });
  return { counts, rejected: rejected.sort((one, other) => one.line - other.line) };
}

const countCalls = async () => (await database()).$count(snapTradeCalls);

const people = 80;

test("an import stopped three times and run again has each person once, and reads nobody twice", async () => {
  const theirs = await makeTheirs(people);
  const before = await countCalls();
  for (const stopAfter of [9, 20, 35]) await expect(run(theirs, { stopAfter })).rejects.toThrow("stopped");
  const { counts } = await run(theirs);
  expect(counts.adopted + counts.unchanged).toBe(people);
  expect((await countCalls()) - before).toBe(people);
  const db = await database();
  const rows = await db.select({ externalId: users.externalId }).from(users);
  expect(rows.map(({ externalId }) => externalId).sort()).toEqual(
    theirs.map(({ externalId }) => externalId).sort(),
  );
  expect(await db.$count(snapTradeUsers)).toBe(people);
  expect((await run(theirs)).counts).toEqual({ adopted: 0, updated: 0, unchanged: people, rejected: 0 });
});

describe("a line", () => {
  test("that can't be read is rejected with its number and a reason, and the others are imported", async () => {
    const [one, two, three] = await makeTheirs(3);
    const { counts, rejected } = await run([
      `\uFEFF${JSON.stringify(one)}\r`,
      "",
      "  \r",
      "{",
      "[]",
      { ...two, userSecret: undefined },
      { ...two, [`${two?.userSecret}`]: 1, user_secret: "kept secret" },
      { ...two, email: "nobody at all" },
      { ...two, locale: "not a locale" },
      { ...two, timeZone: "Mars/Olympus" },
      { ...two, externalId: "a\u0000b" },
      { ...two, padding: "x".repeat(20_000) },
      { ...two, externalId: ".." },
      { ...two, email: "Maya@Example.com", locale: "fr-ca", timeZone: "America/Toronto" },
      { ...two, snapTradeUserId: "other" },
      { ...three, userSecret: "wrong" },
    ]);
    expect(counts).toEqual({ adopted: 2, updated: 0, unchanged: 0, rejected: 12 });
    expect(rejected.map(({ line, reason }) => `${line} ${reason}`)).toEqual([
      "4 not-json",
      "5 not-an-object",
      "6 invalid-user-secret",
      "7 unknown-field",
      "8 invalid-email",
      "9 invalid-locale",
      "10 invalid-time-zone",
      "11 invalid-external-id",
      "12 too-long",
      "13 invalid-external-id",
      "15 duplicate",
      "16 secret-refused",
    ]);
    expect(rejected.filter(({ field }) => field !== undefined)).toMatchObject([
      { line: 7, field: "user_secret" },
    ]);
    const [stored] = await (
      await database()
    )
      .select()
      .from(users)
      .where(sql`external_id = 'customer 1'`);
    expect(stored).toMatchObject({ email: "maya@example.com", locale: "fr-CA", timeZone: "America/Toronto" });
    const secrets = ["kept secret", ...[one, two, three].map((person) => person?.userSecret ?? "?")];
    for (const secret of secrets) expect(JSON.stringify(rejected)).not.toContain(secret);
  });

  test("in another encoding is rejected", async () => {
    const rejected: RejectedLine[] = [];
    const bytes = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from("{}\n", "utf16le")]);
    await importUsers(inPieces(bytes, 1), {
      dryRun: false,
      clock: () => new Date(),
      sleep: () => Promise.resolve(),
      onRejected: (one) => Promise.resolve(void rejected.push(one)),
      onProgress: () => undefined,
    });
    expect(rejected.map(({ reason }) => reason)).toEqual(["not-utf-8", "not-json"]);
  });
});

test("a dry run counts those whose details would change as updated, and changes nothing", async () => {
  const [one, two] = await makeTheirs(2);
  await run([{ ...one, email: "maya@example.com" }, { ...two }]);
  const again = [{ ...one, email: "new@example.com" }, { ...two }];
  const dry = await run(again, { dryRun: true });
  expect(dry.counts).toEqual({ adopted: 0, updated: 1, unchanged: 1, rejected: 0 });
  const db = await database();
  const emails = (await db.select({ email: users.email }).from(users)).map(({ email }) => email);
  expect(emails).toContain("maya@example.com");
  expect((await run(again)).counts).toEqual(dry.counts);
});

test("a dry run verifies everything and stores nothing", async () => {
  const theirs = await makeTheirs(4);
  const lines = [...theirs, { ...theirs[0], externalId: "other", userSecret: "wrong" }];
  const { counts, rejected } = await run(lines, { dryRun: true });
  expect(counts).toEqual({ adopted: 4, updated: 0, unchanged: 0, rejected: 1 });
  expect(rejected).toEqual([{ line: 5, externalId: "other", reason: "duplicate" }]);
  const db = await database();
  expect([await db.$count(users), await db.$count(snapTradeUsers), await db.$count(connections)]).toEqual([
    0, 0, 0,
  ]);
});

test("SnapTrade not answering about one person rejects that line only; not answering anyone stops the import", async () => {
  const theirs = await makeTheirs(12);
  const fault = { endpoint: "list", kind: "html502" };
  await emulator.post(`/users/${theirs[3]?.snapTradeUserId ?? ""}/faults`, fault);
  expect(await run(theirs)).toMatchObject({
    counts: { adopted: 11, rejected: 1 },
    rejected: [{ line: 4, externalId: "customer 3", reason: "no-answer" }],
  });
  await emulator.post("/faults", fault);
  await expect(run(await makeTheirs(2, "nobody"))).rejects.toThrow("hasn't answered");
});

test("the SnapTrade users that belong to nobody here are listed", async () => {
  const theirs = await makeTheirs(5);
  await run(theirs.slice(0, 3));
  expect((await listOrphans()).sort()).toEqual(
    theirs
      .slice(3)
      .map(({ snapTradeUserId }) => snapTradeUserId)
      .sort(),
  );
});
