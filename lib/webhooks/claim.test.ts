import { and, eq, inArray, sql } from "drizzle-orm";
import { describe, expect, test, vi } from "vitest";
import { database } from "@/lib/db/client";
import { users } from "@/lib/db/schema/users";
import { makeUser, withDatabase } from "@/lib/testing/with-database";
import { inboxEvents, webhookEvents } from "@/lib/db/schema/webhooks";
import { testSettings } from "@/lib/testing/unique";
import { claim, release } from "./claim";
import { processInbox } from "./process";
import {
  about,
  at,
  deliver,
  known,
  makeConnections,
  makeEvent,
  storedEvent,
  type Members,
} from "@/lib/testing/webhooks";

// SnapTrade is unreachable here, so everything these tests observe comes from the events alone.
Object.assign(process.env, testSettings, { SNAPTRADE_API_URL: "http://localhost:9" });
withDatabase();

describe("processing the inbox", () => {
  test("one person's many events delay no one else's, and all of them are processed in the end", async () => {
    const [flooded, ...others] = await Promise.all(
      Array.from({ length: 4 }, () => makeConnections(1, at(0))),
    );
    if (!flooded) throw new Error("Nobody was made");
    await flood(flooded.snapTradeUserId, 3_000);
    const events = others.map((owner) => about(owner, owner.ids[0], "disabled", 10));
    for (const event of events) await deliver(event);
    const first = await claim(new Date(), "");
    const taken = first.events.map(({ id }) => id);
    for (const event of events) expect(taken).toContain(event.webhookId);
    await release(first.events);
    while ((await processInbox()).done > 0);
    const db = await database();
    expect(
      await db.select({ id: inboxEvents.id }).from(inboxEvents).where(eq(inboxEvents.state, "waiting")),
    ).toEqual([]);
    for (const owner of others) expect(await known(owner.ids[0])).toMatchObject({ state: "disabled" });
  });

  test("events that were claimed but not started are released unchanged", async () => {
    const owner = await makeConnections(1, at(0));
    const event = about(owner, owner.ids[0], "disabled", 10);
    await deliver(event);
    const before = await storedEvent(event);
    const { events } = await claim(new Date(), "");
    expect(await storedEvent(event)).toMatchObject({ attempts: 1 });
    await release(events);
    expect(await storedEvent(event)).toEqual(before);
    await processInbox();
  });

  test("one event that cannot be applied holds up no other, and is given up after eight attempts, with the reason", async () => {
    const owner = await makeConnections(2, at(0));
    const [bad = "", good] = owner.ids;
    const end = await onObservation(bad, "raise exception 'refused by a test'");
    const [poison, fine] = [about(owner, bad, "disabled", 10), about(owner, good, "disabled", 10)];
    await Promise.all([deliver(poison), deliver(fine)]);
    await processInbox();
    expect(await storedEvent(fine)).toMatchObject({ state: "done" });

    const gaps: number[] = [];
    for (let attempt = 1; attempt < 8; attempt++) {
      const { runAt, attempts, state } = (await storedEvent(poison)) ?? {};
      expect({ attempts, state }).toEqual({ attempts: attempt, state: "waiting" });
      gaps.push((runAt?.getTime() ?? 0) - Date.now());
      await makeDue(poison);
      await processInbox();
    }
    expect(await storedEvent(poison)).toMatchObject({
      state: "dead",
      attempts: 8,
      lastError: expect.stringContaining("P0001") as string,
    });
    expect(gaps).toEqual([...gaps].sort((one, other) => one - other));
    await end();
    expect(await known(bad)).toMatchObject({ state: "enabled", episodes: [] });
  });

  test("a worker whose clock is a little behind takes no event under another's lease", async () => {
    const owner = await makeConnections(1, at(0));
    const event = about(owner, owner.ids[0], "disabled", 10);
    await deliver(event);
    const now = Date.now();
    expect((await claim(new Date(now), "")).events).toHaveLength(1);
    for (const behindMs of [5, 1_000, 30_000])
      expect((await claim(new Date(now - behindMs), "")).events).toEqual([]);
    await makeDue(event);
  });

  test("an event under one worker's lease is claimed by no other until the lease ends", async () => {
    const owner = await makeConnections(1, at(0));
    const event = about(owner, owner.ids[0], "disabled", 10);
    await deliver(event);
    await alter(event, { attempts: 1, lockedUntil: new Date(Date.now() + 60_000) });
    await processInbox();
    expect(await storedEvent(event)).toMatchObject({ state: "waiting", attempts: 1 });
    await makeDue(event);
    await processInbox();
    expect(await storedEvent(event)).toMatchObject({ state: "done", attempts: 2 });
  });

  test("a worker that loses its event to another while processing it leaves nothing behind", async () => {
    const owner = await makeConnections(1, at(0));
    const [id = ""] = owner.ids;
    const event = about(owner, id, "disabled", 10);
    await deliver(event);
    const end = await onObservation(
      id,
      `update inbox_events set attempts = attempts + 1 where id = '${String(event.webhookId)}'`,
    );
    await processInbox();
    await end();
    expect(await storedEvent(event)).toMatchObject({ state: "waiting", attempts: 1 });
    expect(await known(id)).toMatchObject({ state: "enabled", episodes: [] });
    await makeDue(event);
    await processInbox();
    expect(await known(id)).toMatchObject({ state: "disabled" });
  });

  test("an event whose every attempt died with its process is given up, not retried forever", async () => {
    const owner = await makeConnections(1, at(0));
    const event = about(owner, owner.ids[0], "disabled", 10);
    await deliver(event);
    await alter(event, { attempts: 8 });
    await processInbox();
    expect(await storedEvent(event)).toMatchObject({ state: "dead", lastError: "No attempt ever finished" });
  });

  test("several concurrent workers apply each event once", async () => {
    const owner = await makeConnections(150, at(0));
    const events = owner.ids.flatMap((id) => [
      about(owner, id, "disabled", 10),
      about(owner, id, "enabled", 20),
    ]);
    await Promise.all(events.map((event) => deliver(event)));
    const workers = [processInbox];
    for (let more = 0; more < 3; more++) {
      vi.resetModules();
      workers.push((await import("./process")).processInbox);
    }
    await Promise.all(workers.map((work) => work()));
    const db = await database();
    const stored = await db
      .select({ outcome: webhookEvents.outcome, attempts: webhookEvents.attempts })
      .from(webhookEvents)
      .where(
        inArray(
          webhookEvents.id,
          events.map((event) => String(event.webhookId)),
        ),
      );
    expect(stored).toHaveLength(events.length);
    expect(new Set(stored.map(({ outcome, attempts }) => `${outcome} ${attempts}`))).toEqual(
      new Set(["applied 1"]),
    );
    for (const id of owner.ids) expect((await known(id)).episodes).toHaveLength(1);
  });

  test("an event raises its own person's version, and only if it changes what their pages show", async () => {
    const db = await database();
    const version = async (userId: string) =>
      (await db.select().from(users).where(eq(users.id, userId)))[0]?.version;
    const [owner, stranger] = [await makeConnections(1, at(0)), await makeUser()];
    const soon = { now: at(11) };
    await deliver(about(owner, owner.ids[0], "disabled", 10), soon);
    await deliver(makeEvent("ACCOUNT_TRANSACTIONS_UPDATED", at(10), { userId: owner.snapTradeUserId }), soon);
    await processInbox();
    expect([await version(owner.userId), await version(stranger)]).toEqual([1, 0]);
  });
});

/** Stores many events of one person, all older than any that arrives now. */
async function flood(snapTradeUserId: string, count: number) {
  const db = await database();
  await db.execute(sql`
    insert into inbox_events (id, type, snaptrade_user_id, payload, received_at, run_at)
    select gen_random_uuid()::text, 'TRADE_DETECTION', ${snapTradeUserId}, '{}', now() - interval '1 hour', now() - interval '1 hour'
    from generate_series(1, ${count}::int)`);
}

const makeDue = (event: Members) => alter(event, { runAt: new Date(0), lockedUntil: null });

async function alter({ webhookId }: Members, values: Partial<typeof inboxEvents.$inferInsert>) {
  const db = await database();
  await db
    .update(inboxEvents)
    .set(values)
    .where(and(eq(inboxEvents.id, String(webhookId)), eq(inboxEvents.state, "waiting")));
}

/**
 * Makes the database run a statement whenever an observation of this connection is written; the returned
 * function undoes that.
 */
async function onObservation(connectionId: string, statement: string): Promise<() => Promise<unknown>> {
  const db = await database();
  const name = `on_${connectionId.slice(0, 8)}`;
  await db.execute(
    sql.raw(`create function ${name}() returns trigger language plpgsql as $$
      begin if new.connection_id = '${connectionId}' then ${statement}; end if; return new; end $$`),
  );
  await db.execute(
    sql.raw(`create trigger ${name} before insert on observations for each row execute function ${name}()`),
  );
  return () => db.execute(sql.raw(`drop trigger ${name} on observations`));
}
