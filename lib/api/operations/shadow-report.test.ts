import { randomUUID } from "node:crypto";
import { eq } from "drizzle-orm";
import { beforeEach, expect, test } from "vitest";
import { observe } from "@/lib/connections/observations/observe";
import type { Source } from "@/lib/connections/observations/project";
import { database } from "@/lib/db/client";
import { brokerageAccounts, connections } from "@/lib/db/schema/connections";
import { users } from "@/lib/db/schema/users";
import { withApi } from "@/lib/testing/api";
import { setMode } from "@/lib/testing/mode";
import { at, makeOwner } from "@/lib/testing/notifications";
import { withDatabase } from "@/lib/testing/with-database";
import { getShadowSummary } from "./shadow-report";

withDatabase();
const { ask } = withApi();
const hours = (n: number) => n * 60;

beforeEach(async () => {
  setMode("shadow");
  await (await database()).delete(connections);
});

interface Break {
  id: string;
  connection: string;
  announced: string;
  unannounced_hours: number | null;
  unrepaired_hours: number;
}
interface Page {
  breaks: Break[];
  next_cursor: string | null;
}

type Owner = Awaited<ReturnType<typeof makeOwner>>;

/** A look's answer at this minute: disabled since `brokeAt`, or working. */
const look = (
  { userId, ids }: Owner,
  index: number,
  minutes: number,
  brokeAt: number | null,
  source: Source = "timer",
) =>
  observe(userId, [
    {
      connectionId: ids[index] ?? "",
      state: brokeAt === null ? "enabled" : "disabled",
      observedAt: at(minutes),
      answeredAt: at(minutes),
      disabledAt: brokeAt === null ? null : at(brokeAt),
      source,
      recordedAt: at(minutes),
    },
  ]);

async function read(now: Date, query = ""): Promise<Page> {
  const { status, json } = await ask("GET", `/shadow-report${query}`, { now });
  expect(status).toBe(200);
  return json as unknown as Page;
}

async function readAll(now: Date): Promise<Break[]> {
  const all: Break[] = [];
  for (let cursor: string | null = ""; cursor !== null;) {
    const page = await read(now, `?limit=2${cursor && `&cursor=${cursor}`}`);
    all.push(...page.breaks);
    cursor = page.next_cursor;
  }
  return all;
}

test("each break says what was announced, noticed, and repaired, and the summary adds up to them", async () => {
  const [owner, other] = [await makeOwner(4), await makeOwner(1)];
  const externalId = `customer-${randomUUID()}`;
  const db = await database();
  await db.update(users).set({ externalId }).where(eq(users.id, owner.userId));
  await db
    .update(connections)
    .set({ firstObservedAt: at(-hours(1)) })
    .where(eq(connections.id, owner.ids[3] ?? ""));
  await db
    .insert(brokerageAccounts)
    .values({ id: randomUUID(), connectionId: owner.ids[1] ?? "", name: "Cash", holdingsAt: at(-30) });
  // Announced at once and repaired; found by a look and never announced; announced three hours late; from before.
  await owner.report(0, "disabled", 0);
  await look(owner, 0, hours(2), null);
  await look(owner, 1, 10, 0);
  await look(owner, 2, 20, 0);
  await observe(owner.userId, [
    {
      ...{ connectionId: owner.ids[2] ?? "", state: "disabled", source: "webhook", observedAt: at(0) },
      ...{ answeredAt: null, disabledAt: null, recordedAt: at(hours(3)) },
    },
  ]);
  await look(owner, 3, 30, -hours(48));
  await look(other, 0, 40, 35, "person");
  await look(other, 0, hours(5), null);

  const now = at(hours(10));
  const breaks = await readAll(now);
  const id = (index: number) => owner.ids[index];
  expect(breaks).toMatchObject([
    { connection: id(0), user: externalId, announced: "yes", noticed_by: "webhook", ended_how: "fixed" },
    { connection: id(1), announced: "no", announced_at: null, noticed_by: "timer", ended_at: null },
    { connection: id(2), announced: "yes", announced_at: at(hours(3)).toISOString(), noticed_by: "timer" },
    { connection: id(3), announced: "unknown", unannounced_hours: null, unrepaired_hours: 58 },
    { connection: other.ids[0], user: null, announced: "no", noticed_by: "person", ended_how: "fixed" },
  ]);
  expect(breaks.map((one) => one.unrepaired_hours)).toEqual([2, 10, 10, 58, 4.42]);
  expect(breaks.map((one) => one.unannounced_hours)).toEqual([0, 10, 3, null, 4.42]);
  expect(breaks[1]).toMatchObject({ newest_data_at: at(-30).toISOString() });
  expect(breaks[0]).toMatchObject({ newest_data_at: null });
  const { json } = await ask("GET", "/shadow-report/summary", { now });
  expect(json).toEqual({
    ...{ as_of: now.toISOString(), breaks: 5, announced: 2, never_announced: 2, announcement_unknown: 1 },
    ...{ repaired: 2, removed: 0, open: 3, people: 2, people_waiting: 1 },
    ...{ unannounced_hours: 14.42, unrepaired_hours: 84.42 },
  });
});

test("a webhook that may still be on its way isn't missing, and breaks from live mode aren't in the report", async () => {
  const [owner, live] = [await makeOwner(1), await makeOwner(1)];
  await look(owner, 0, 10, 0);
  setMode("live");
  await look(live, 0, 20, 0);
  expect((await read(at(60))).breaks).toMatchObject([{ connection: owner.ids[0], announced: "unknown" }]);
  expect((await read(at(71))).breaks).toMatchObject([{ connection: owner.ids[0], announced: "no" }]);
  expect(await ask("GET", "/shadow-report?cursor=made-up")).toMatchObject({ status: 422 });
});

test("an earlier or later break of the same connection doesn't lend this one its webhook", async () => {
  const owner = await makeOwner(1);
  await owner.report(0, "disabled", 0);
  await look(owner, 0, 60, null);
  await look(owner, 0, 130, 120);
  await look(owner, 0, 180, null);
  await owner.report(0, "disabled", 240);
  expect((await read(at(hours(9)))).breaks.map(({ announced }) => announced)).toEqual(["yes", "no", "yes"]);
});

test("whoever asks for the sums while they are being read shares one run", async () => {
  const owner = await makeOwner(1);
  await look(owner, 0, 10, 0);
  const asked = [at(100), at(200), at(300)];
  const summarize = (now: Date) =>
    getShadowSummary.work({ now } as Parameters<typeof getShadowSummary.work>[0]);
  const answers = await Promise.all(asked.map(summarize));
  expect(answers.map(({ body }) => (body as { as_of: Date }).as_of)).toEqual([at(100), at(100), at(100)]);
  const { json } = await ask("GET", "/shadow-report/summary", { now: at(400) });
  expect(json).toMatchObject({ as_of: at(400).toISOString() });
});

test("a break whose observations aren't kept anymore is unknown, not missed", async () => {
  const owner = await makeOwner(1);
  for (const batch of [0, 51])
    await observe(
      owner.userId,
      Array.from({ length: 102 }, (_, place) => ({
        ...{
          connectionId: owner.ids[0] ?? "",
          state: place % 2 ? ("enabled" as const) : ("disabled" as const),
        },
        ...{ observedAt: at(hours(2 * batch + place)), answeredAt: null, disabledAt: null },
        ...{ source: "webhook" as const, recordedAt: at(hours(2 * batch + place)) },
      })),
    );
  const now = at(hours(300));
  const [first, last] = [(await read(now)).breaks[0], (await read(now, "?limit=500")).breaks.at(-1)];
  expect(first).toMatchObject({ announced: "unknown", announced_at: null, unannounced_hours: null });
  expect(last).toMatchObject({ announced: "yes" });
  const { json } = await ask("GET", "/shadow-report/summary", { now });
  expect(json).toMatchObject({ breaks: 102, never_announced: 0, unannounced_hours: 0, people: 1 });
});

test("a break is never unannounced for longer than it lasted", async () => {
  const owner = await makeOwner(1);
  await look(owner, 0, 10, 0);
  await look(owner, 0, 30, null);
  await observe(owner.userId, [
    {
      ...{ connectionId: owner.ids[0] ?? "", state: "disabled", source: "webhook", observedAt: at(0) },
      ...{ answeredAt: null, disabledAt: null, recordedAt: at(hours(3)) },
    },
  ]);
  expect((await read(at(hours(9)))).breaks).toMatchObject([
    { announced: "yes", unannounced_hours: 0.5, unrepaired_hours: 0.5 },
  ]);
});
