import { and, eq, inArray, sql } from "drizzle-orm";
import { describe, expect, test, vi } from "vitest";
import { database } from "@/lib/db/client";
import { users } from "@/lib/db/schema";
import { makeUser, withDatabase } from "@/lib/db/testing/with-database";
import { webhookEvents } from "@/lib/db/work-schema";
import { testSettings } from "@/lib/testing";
import { processInbox } from "./process";
import { about, at, deliver, known, makeConnections, makeEvent, storedEvent, type Members } from "./testing";

// SnapTrade is out of reach here: what these tests show, the events alone must bring about.
Object.assign(process.env, testSettings, { SNAPTRADE_API_URL: "http://localhost:9" });
withDatabase();

describe("working off the inbox", () => {
  test("one event that cannot be applied holds up no other, and is given up after eight attempts, with the reason", async () => {
    const db = await database();
    const owner = await makeConnections(2, at(0));
    const [bad = "", good] = owner.ids;
    await db.execute(
      sql.raw(`create function refuse_${bad.slice(0, 8)}() returns trigger language plpgsql as $$
      begin if new.connection_id = '${bad}' then raise exception 'refused by a test'; end if; return new; end $$`),
    );
    await db.execute(sql.raw(`create trigger refuse before insert on observations for each row execute function refuse_${bad.slice(0, 8)}()`));
    const [poison, fine] = [about(owner, bad, "disabled", 10), about(owner, good, "disabled", 10)];
    await Promise.all([deliver(poison), deliver(fine)]);
    await processInbox();
    expect(await storedEvent(fine)).toMatchObject({ state: "done" });

    const gaps: number[] = [];
    for (let attempt = 1; attempt < 8; attempt++) {
      const { nextAttemptAt, attempts, state } = (await storedEvent(poison)) ?? {};
      expect({ attempts, state }).toEqual({ attempts: attempt, state: "waiting" });
      gaps.push((nextAttemptAt?.getTime() ?? 0) - Date.now());
      await makeDue(poison);
      await processInbox();
    }
    expect(await storedEvent(poison)).toMatchObject({ state: "dead", attempts: 8, problem: expect.stringContaining("P0001") as string });
    expect(gaps).toEqual([...gaps].sort((one, other) => one - other));
    await db.execute(sql`drop trigger refuse on observations`);
    expect(await known(bad)).toMatchObject({ state: "enabled", episodes: [] });
  });

  test("whoever lost an event to somebody else writes nothing", async () => {
    const db = await database();
    const owner = await makeConnections(1, at(0));
    const event = about(owner, owner.ids[0], "disabled", 10);
    await deliver(event);
    // Another process took it and has it under lease: not due, so nobody else takes it.
    await db
      .update(webhookEvents)
      .set({ attempts: 1, nextAttemptAt: new Date(Date.now() + 60_000) })
      .where(eq(webhookEvents.id, String(event.webhookId)));
    await processInbox();
    expect(await storedEvent(event)).toMatchObject({ state: "waiting", attempts: 1 });
    // That process died: once the lease is over the event is taken again, by the next number.
    await makeDue(event);
    await processInbox();
    expect(await storedEvent(event)).toMatchObject({ state: "done", attempts: 2 });
  });

  test("an event whose every attempt died with its process is buried, not tried for ever", async () => {
    const db = await database();
    const owner = await makeConnections(1, at(0));
    const event = about(owner, owner.ids[0], "disabled", 10);
    await deliver(event);
    await db
      .update(webhookEvents)
      .set({ attempts: 8 })
      .where(eq(webhookEvents.id, String(event.webhookId)));
    await processInbox();
    expect(await storedEvent(event)).toMatchObject({ state: "dead", problem: "It was never finished" });
  });

  test("several workers at once apply each event once", async () => {
    const owner = await makeConnections(150, at(0));
    const events = owner.ids.flatMap((id) => [about(owner, id, "disabled", 10), about(owner, id, "enabled", 20)]);
    await Promise.all(events.map((event) => deliver(event)));
    const workers = [processInbox];
    for (let more = 0; more < 3; more++) {
      vi.resetModules();
      workers.push((await import("./process")).processInbox);
    }
    await Promise.all(workers.map((work) => work()));
    const db = await database();
    const stored = await db
      .select({ state: webhookEvents.state, attempts: webhookEvents.attempts })
      .from(webhookEvents)
      .where(
        inArray(
          webhookEvents.id,
          events.map((event) => String(event.webhookId)),
        ),
      );
    expect(new Set(stored.map(({ state, attempts }) => `${state} ${attempts}`))).toEqual(new Set(["done 1"]));
    for (const id of owner.ids) expect((await known(id)).episodes).toHaveLength(1);
  });

  test("the version of a person grows with what their pages show, and only theirs", async () => {
    const db = await database();
    const version = async (userId: string) => (await db.select().from(users).where(eq(users.id, userId)))[0]?.version;
    const [owner, stranger] = [await makeConnections(1, at(0)), await makeUser()];
    await deliver(about(owner, owner.ids[0], "disabled", 10));
    await deliver(makeEvent("ACCOUNT_TRANSACTIONS_UPDATED", at(10), { userId: owner.snapTradeUserId }));
    await processInbox();
    expect([await version(owner.userId), await version(stranger)]).toEqual([1, 0]);
  });
});

async function makeDue(event: Members) {
  const db = await database();
  await db
    .update(webhookEvents)
    .set({ nextAttemptAt: new Date(0) })
    .where(and(eq(webhookEvents.id, String(event.webhookId)), eq(webhookEvents.state, "waiting")));
}
