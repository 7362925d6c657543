import { eq, sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { listSilent } from "@/lib/reconcile/candidates";
import { database, transaction } from "@/lib/db/client";
import { connections } from "@/lib/db/schema/connections";
import { withDatabase } from "@/lib/testing/with-database";
import { testSettings } from "@/lib/testing/unique";
import { inboxEvents } from "@/lib/db/schema/webhooks";
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

type Owner = Awaited<ReturnType<typeof makeConnections>>;
const days = (n: number) => n * 86_400;

function heartbeat(owner: Owner, connectionId: string | undefined, happenedAt: string): Members {
  const members = {
    userId: owner.snapTradeUserId,
    brokerageAuthorizationId: connectionId,
    eventTimestamp: happenedAt,
  };
  return makeEvent("ACCOUNT_HOLDINGS_UPDATED", at(0), members);
}

const heartbeatAt = (owner: Owner, connectionId: string | undefined, seconds: number) =>
  heartbeat(owner, connectionId, at(seconds).toISOString());

async function rhythmOf(connectionId: string | undefined) {
  const db = await database();
  const { heartbeats, heartbeatGapMs } = connections;
  const rows = await db
    .select({ heartbeats, heartbeatGapMs })
    .from(connections)
    .where(eq(connections.id, connectionId ?? ""));
  return rows[0];
}

test.each([
  ["nine days apart", [days(-30), days(-21), days(-20), days(-11), days(-10)]],
  ["a year apart", [days(-366), days(-1), days(0)]],
  ["half a century apart", [days(-20_000), days(-1), days(0)]],
  ["at the same moment", [0, 0, 0]],
])("heartbeats %s are all applied", async (_, moments) => {
  const owner = await makeConnections(1, at(-days(20_000)));
  for (const seconds of moments) {
    const event = heartbeatAt(owner, owner.ids[0], seconds);
    await deliver(event, { now: at(seconds) });
    expect(await processInbox()).toMatchObject({ done: 1, failed: 0, dead: 0 });
    expect(await storedEvent(event)).toMatchObject({ state: "done" });
  }
  await expect(listSilent(at(days(3_000)), 10, at(-days(20_000)))).resolves.toBeDefined();
});

test("a stored rhythm of any size can be updated", async () => {
  const db = await database();
  const owner = await makeConnections(1, at(days(-600)));
  const largest = 2_147_483_647;
  await db
    .update(connections)
    .set({ heartbeats: largest, heartbeatGapMs: largest, lastHeartbeatAt: at(days(-500)) })
    .where(eq(connections.userId, owner.userId));
  await deliver(heartbeatAt(owner, owner.ids[0], days(-100)), { now: at(days(-100)) });
  expect(await processInbox()).toMatchObject({ done: 1, failed: 0 });
  expect((await rhythmOf(owner.ids[0]))?.heartbeats).toBeGreaterThan(3);
  await expect(listSilent(at(days(900)), 10, at(days(-600)))).resolves.toBeDefined();
});

test("a heartbeat that cannot be applied is given up alone, with the reason, after eight attempts; the others are applied at once", async () => {
  const owner = await makeConnections(40, at(0));
  const [bad = "", ...good] = owner.ids;
  const end = await refuse(bad);
  const poison = heartbeatAt(owner, bad, 60);
  const fine = good.map((id) => heartbeatAt(owner, id, 60));
  await Promise.all([poison, ...fine].map((event) => deliver(event)));
  expect(await processInbox()).toMatchObject({ done: good.length, failed: 1, dead: 0 });
  for (const id of good) expect(await known(id)).toMatchObject({ lastHeartbeatAt: at(60) });

  for (let attempt = 1; attempt < 8; attempt++) {
    expect(await storedEvent(poison)).toMatchObject({ attempts: attempt, state: "waiting" });
    expect((await storedEvent(poison))?.runAt?.getTime()).toBeGreaterThan(Date.now());
    await makeDue(poison);
    await processInbox();
  }
  expect(await storedEvent(poison)).toMatchObject({
    state: "dead",
    attempts: 8,
    lastError: expect.stringContaining("22003") as string,
  });
  await end();
});

test("when heartbeats are applied one by one, one whose row is still locked is applied too", async () => {
  const owner = await makeConnections(2, at(0));
  const [bad = "", good = ""] = owner.ids;
  const end = await refuse(bad);
  const fine = heartbeatAt(owner, good, 60);
  await Promise.all([heartbeatAt(owner, bad, 60), fine].map((event) => deliver(event)));
  let holder: Promise<unknown> = Promise.resolve();
  await new Promise<void>((lock) => {
    holder = transaction(async (tx) => {
      await tx
        .select()
        .from(inboxEvents)
        .where(eq(inboxEvents.id, String(fine.webhookId)))
        .for("update");
      lock();
      await new Promise((resolve) => setTimeout(resolve, 500));
    });
  });
  expect(await processInbox()).toMatchObject({ done: 1, failed: 1 });
  await holder;
  expect(await known(good)).toMatchObject({ lastHeartbeatAt: at(60) });
  await end();
});

test("failing heartbeats delay no other events, and are reported by name", async () => {
  const db = await database();
  const owner = await makeConnections(1, at(0));
  const event = about(owner, owner.ids[0], "disabled", 10);
  await deliver(event);
  await deliver(heartbeatAt(owner, owner.ids[0], 5));
  await db.execute(sql`alter table connections rename column last_heartbeat_at to last_heartbeat_at_away`);
  try {
    expect(await processInbox()).toMatchObject({ failed: 1 });
  } finally {
    await db.execute(sql`alter table connections rename column last_heartbeat_at_away to last_heartbeat_at`);
  }
  expect(await storedEvent(event)).toMatchObject({ state: "done" });
});

test("other events that cannot be claimed delay no heartbeats, and are reported by name", async () => {
  const db = await database();
  const owner = await makeConnections(1, at(0));
  await deliver(heartbeatAt(owner, owner.ids[0], 5));
  // Claiming an event raises its attempts and leaves it waiting; an applied heartbeat is done.
  await db.execute(
    sql`alter table inbox_events add constraint never_taken check (type = 'ACCOUNT_HOLDINGS_UPDATED' or attempts = 0) not valid`,
  );
  try {
    await deliver(about(owner, owner.ids[0], "disabled", 10));
    expect(await processInbox()).toMatchObject({ done: 1, stopped: ["events"] });
  } finally {
    await db.execute(sql`alter table inbox_events drop constraint never_taken`);
  }
  expect(await known(owner.ids[0])).toMatchObject({ lastHeartbeatAt: at(5) });
});

async function makeDue({ webhookId }: Members) {
  const db = await database();
  await db
    .update(inboxEvents)
    .set({ runAt: new Date(0) })
    .where(eq(inboxEvents.id, String(webhookId)));
}

/** Makes the database reject every heartbeat of this connection, as it rejects a number that is too large. */
async function refuse(connectionId: string): Promise<() => Promise<unknown>> {
  const db = await database();
  await db.execute(
    sql.raw(`create or replace function refuse_beat() returns trigger language plpgsql as $$
      begin if new.id = '${connectionId}' then raise exception 'out of range' using errcode = '22003'; end if; return new; end $$`),
  );
  await db.execute(
    sql.raw(
      "create trigger refuse_beat before update on connections for each row execute function refuse_beat()",
    ),
  );
  return () => db.execute(sql.raw("drop trigger refuse_beat on connections"));
}
