import { randomUUID } from "node:crypto";
import { sql } from "drizzle-orm";
import { beforeEach, expect, test } from "vitest";
import { database } from "@/lib/db/client";
import { incidents } from "@/lib/db/schema/incidents";
import { brokerages, connections, episodes } from "@/lib/db/schema/connections";
import { users } from "@/lib/db/schema/users";
import { makeUser, withDatabase } from "@/lib/testing/with-database";
import { recordIncidents } from "./incidents";

withDatabase();

const now = new Date("2026-11-17T09:00:00Z");
const before = (minutes: number) => new Date(now.getTime() - minutes * 60_000);
const brokerageId = randomUUID();

beforeEach(async () => {
  const db = await database();
  await db.execute(sql`truncate ${users}, ${incidents} cascade`);
  const flags = { enabled: true, maintenance: false, degraded: false };
  await db
    .insert(brokerages)
    .values({ id: brokerageId, slug: "QUESTRADE", name: "Questrade", ...flags, observedAt: now })
    .onConflictDoNothing();
});

/** Connections of one person, each broken and repaired at these minutes before now. */
async function makeBreaks(...breaks: number[][]) {
  const db = await database();
  const userId = await makeUser();
  for (const minutes of breaks) {
    const id = randomUUID();
    await db
      .insert(connections)
      .values({ id, userId, brokerageId, access: "read", state: "enabled", observedAt: now });
    const ended = { noticedBy: "webhook" as const, endedHow: "fixed" as const };
    await db.insert(episodes).values(
      minutes.map((at) => ({
        connectionId: id,
        userId,
        brokerageId,
        brokeAt: before(at),
        noticedAt: before(at),
        endedAt: before(at),
        ...ended,
      })),
    );
  }
}

const struck = async () => (await recordIncidents(now)).begun;

test("five people's breaks are an incident, five of one person's connections or eight breaks of one are not", async () => {
  await makeBreaks([1], [2], [3], [4], [5]);
  await makeBreaks([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(await struck()).toEqual([]);
  for (let people = 2; people < 5; people++) await makeBreaks([1, 2]);
  expect(await struck()).toEqual([brokerageId]);
});

test("one person whose connection keeps breaking does not hide an incident among others", async () => {
  const quarters = 14 * 24 * 4;
  await makeBreaks(
    ...Array.from({ length: 8 }, () =>
      Array.from(
        { length: 400 },
        (_, index) => 20 + Math.floor((index * 15 * quarters) / 420) + index / 1000,
      ),
    ),
  );
  for (let people = 0; people < 5; people++) await makeBreaks([people]);
  expect(await struck()).toEqual([brokerageId]);
});

test("the usual number of people in 15 minutes is not an incident", async () => {
  for (let people = 0; people < 6; people++)
    await makeBreaks(Array.from({ length: 1_300 }, (_, index) => 1 + index * 15 + people / 10));
  expect(await struck()).toEqual([]);
});
