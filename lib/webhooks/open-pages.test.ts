import { eq, sql } from "drizzle-orm";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { announceChanges, follow, listFollowed, onCrowd } from "@/lib/live";
import { everyone, toBeAnnounced } from "@/lib/db/changes";
import { database } from "@/lib/db/client";
import { inboxEvents } from "@/lib/db/schema/webhooks";
import { testSettings } from "@/lib/testing/unique";
import { about, at, deliver, known, makeConnections, storedEvent } from "@/lib/testing/webhooks";
import { withDatabase } from "@/lib/testing/with-database";
import { claim, release } from "./claim";
import { processForOpenPages, processInbox } from "./process";

// SnapTrade is unreachable here, so everything these tests observe comes from the events alone.
Object.assign(process.env, testSettings, { SNAPTRADE_API_URL: "http://localhost:9" });
withDatabase();

const crowdSize = 2_000;

/** Stores one event for each of many people, all older than any that arrives now. */
async function store(name: string, count: number) {
  const db = await database();
  await db.execute(sql`
    insert into inbox_events (id, type, snaptrade_user_id, payload, received_at, run_at)
    select gen_random_uuid()::text, 'CONNECTION_UPDATED', ${sql.raw(name)}, '{}', now() - interval '1 hour', now() - interval '1 hour'
    from generate_series(1, ${count}::int) as n`);
}

/** A person with an open page, of which the returned function closes it. */
async function openPage() {
  const owner = await makeConnections(1, at(0));
  const close = await follow(owner.userId, () => undefined);
  return { ...owner, close: () => close?.() };
}

async function countWaiting(): Promise<number> {
  const db = await database();
  return db.$count(inboxEvents, eq(inboxEvents.state, "waiting"));
}

const breakOf = async (owner: Awaited<ReturnType<typeof openPage>>) => {
  const event = about(owner, owner.ids[0], "disabled", 10);
  await deliver(event, { now: at(11) });
  return event;
};

beforeAll(() => store("'0 crowd ' || n", crowdSize));
beforeEach(() => expect(listFollowed()).toEqual([]));

test("an open page's own event is applied by the next small batch, however many others wait", async () => {
  const owner = await openPage();
  const event = await breakOf(owner);
  const { events } = await claim(new Date(), "", { among: listFollowed() });
  expect(events.map(({ id }) => id)).toEqual([event.webhookId]);
  await release(events);
  expect(await processForOpenPages()).toMatchObject({ done: 1, failed: 0, stopped: [] });
  expect(await known(owner.ids[0])).toMatchObject({ state: "disabled" });
  expect(await countWaiting()).toBe(crowdSize);
  owner.close();
});

test("a person with an open page and a thousand events delays neither another open page nor the others", async () => {
  const [busy, owner] = [await openPage(), await openPage()];
  await store(`'${busy.snapTradeUserId}'`, 1_000);
  const event = await breakOf(owner);
  const { events } = await claim(new Date(), "", { among: listFollowed() });
  expect(events.length).toBeLessThanOrEqual(50);
  expect(events.map(({ id }) => id)).toContain(event.webhookId);
  const others = await claim(new Date(), "");
  expect(others.events.filter(({ snapTradeUserId }) => snapTradeUserId === busy.snapTradeUserId)).toEqual([]);
  expect(others.events).toHaveLength(250);
  await release([...events, ...others.events]);
  expect(await processForOpenPages()).toMatchObject({ done: 1_001 });
  busy.close();
  owner.close();
});

test("a large batch leaves an open page's event to the small one, but not for longer than five seconds", async () => {
  const owner = await openPage();
  const { webhookId } = await breakOf(owner);
  const hasIt = async (now: Date) => {
    const { events } = await claim(now, owner.snapTradeUserId.slice(0, -1), { except: listFollowed() });
    await release(events);
    return events.some(({ id }) => id === webhookId);
  };
  expect(await hasIt(at(14))).toBe(false);
  expect(await hasIt(at(17))).toBe(true);
  owner.close();
  expect(await hasIt(at(14))).toBe(true);
  await processInbox();
});

test("of many open pages with events, each gets its turn", async () => {
  const owners = await Promise.all(Array.from({ length: 60 }, openPage));
  for (const owner of owners) await breakOf(owner);
  const served: (string | null)[] = [];
  for (let after: string | null = ""; after !== null;) {
    const { events, last } = await claim(new Date(), after, { among: listFollowed() });
    served.push(...events.map(({ snapTradeUserId }) => snapTradeUserId));
    await release(events);
    after = last;
  }
  expect(served.sort()).toEqual(owners.map(({ snapTradeUserId }) => snapTradeUserId).sort());
  for (const { close } of owners) close();
  await processInbox();
});

test("a process applies its open pages' events when another one is busy with a crowd", async () => {
  await store("'0 crowd ' || n", crowdSize);
  const owner = await openPage();
  await breakOf(owner);
  onCrowd(processForOpenPages);
  toBeAnnounced([everyone]);
  await announceChanges();
  await expect
    .poll(() => known(owner.ids[0]), { timeout: 5_000, interval: 20 })
    .toMatchObject({ state: "disabled" });
  expect(await countWaiting()).toBe(crowdSize);
  owner.close();
});

test("without an open page, nobody is served out of turn", async () => {
  const owner = await openPage();
  owner.close();
  const event = await breakOf(owner);
  expect(await processForOpenPages()).toMatchObject({ done: 0 });
  expect(await storedEvent(event)).toMatchObject({ state: "waiting", attempts: 0 });
});
