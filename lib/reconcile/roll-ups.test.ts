import { randomUUID } from "node:crypto";
import { eq, sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { listLifetimes, signedInAt } from "@/lib/connections/observations/lifetimes";
import { observe } from "@/lib/connections/observations/observe";
import { countQuarters, usualBreaks } from "@/lib/connections/observations/usual-breaks";
import { database } from "@/lib/db/client";
import { brokerages, connections, episodes } from "@/lib/db/schema/connections";
import { snapTradeUsers, users } from "@/lib/db/schema/users";
import { withDatabase } from "@/lib/testing/with-database";
import { makeConnections } from "@/lib/testing/webhooks";
import { countWatched, listCandidates, listSilent } from "./candidates";

withDatabase();

const now = new Date("2026-11-17T09:07:00Z");
const hourMs = 3_600_000;
const ago = (hours: number) => new Date(now.getTime() - hours * hourMs);

/** Pseudorandom numbers from 0 to below `below`, the same on every run. */
function numbers(seed: number) {
  let state = seed;
  return (below: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
}

async function rowsOf<Row>(query: ReturnType<typeof sql>): Promise<Row[]> {
  const db = await database();
  return ((await db.execute(query)) as { rows: unknown[] }).rows as Row[];
}

/** Checks every roll-up against a count of the rows that it summarizes. */
async function compareWithRecount() {
  await countQuarters(now);
  const current = sql`date_bin('15 minutes', ${now.toISOString()}::timestamptz, 'epoch')`;
  expect(
    await rowsOf(sql`
      with counted as (
        select brokerage_id, date_bin('15 minutes', broke_at, 'epoch') as quarter, count(distinct user_id)::int as people
        from episodes where broke_at >= ${ago(14 * 24).toISOString()}::timestamptz and broke_at < ${current} group by 1, 2
      ), stored as (select brokerage_id, quarter, people from brokerage_quarters where people > 0)
      (select * from counted except select * from stored) union all (select * from stored except select * from counted)`),
  ).toEqual([]);
  const [watched] = await rowsOf<{ recounted: number }>(
    sql`select count(*)::int as recounted from snaptrade_users as s where gone_at is null and ask_again_at is null
      and exists (select 1 from connections as c where c.user_id = s.user_id and c.state = 'enabled')`,
  );
  expect(await countWatched()).toBe(watched?.recounted);
}

async function compareLifetimes() {
  const db = await database();
  const rows = await db.query.connections.findMany({ with: { episodes: true, portalSessions: true } });
  for (const row of rows)
    for (const { brokeAt, livedDays, userId, brokerageId } of row.episodes) {
      const since = signedInAt(row, brokeAt);
      const days = since && (brokeAt.getTime() - since.getTime()) / (24 * hourMs);
      if (days === null) expect(livedDays).toBeNull();
      else expect(livedDays).toBeCloseTo(days, 6);
      expect({ userId, brokerageId }).toEqual({ userId: row.userId, brokerageId: row.brokerageId });
    }
}

test("every roll-up equals a recount after any changes, repeated or late, and after people were erased", async () => {
  const random = numbers(7);
  const db = await database();
  const people = await Promise.all(Array.from({ length: 8 }, () => makeConnections(2, ago(300))));
  await db.update(connections).set({ connectedSince: ago(400) });
  for (let step = 1; step <= 120; step++) {
    const person = people[random(people.length)];
    const state =
      (["enabled", "disabled", "disabled", "deleted"] as const)[random(step > 60 ? 4 : 3)] ?? "enabled";
    const observedAt = new Date(ago(random(280) + random(60) / 60).getTime() - step);
    await observe(person?.userId ?? "", [
      {
        connectionId: person?.ids[random(2)] ?? "",
        state,
        observedAt,
        answeredAt: random(2) === 0 ? observedAt : null,
        disabledAt: null,
        source: "webhook",
        recordedAt: observedAt,
      },
    ]);
    if (step % 15 === 0) {
      const own = eq(snapTradeUsers.userId, people[random(people.length)]?.userId ?? "");
      await db
        .update(snapTradeUsers)
        .set({ askAgainAt: random(2) === 0 ? now : null })
        .where(own);
      await compareWithRecount();
    }
  }
  await compareLifetimes();
  for (const { userId } of people.slice(0, 4)) await db.delete(users).where(eq(users.id, userId));
  await compareWithRecount();
});

test("counting the same quarters in two processes at once gives the same as a recount", async () => {
  const { userId, brokerageId, ids } = await makeConnections(30, ago(300));
  const db = await database();
  const row = { userId, brokerageId, noticedBy: "webhook" as const, endedHow: "fixed" as const };
  await Promise.all(
    ids.flatMap((connectionId, index) => [
      db
        .insert(episodes)
        .values({ ...row, connectionId, brokeAt: ago(30 + index / 20), noticedAt: now, endedAt: now }),
      countQuarters(now),
    ]),
  );
  await compareWithRecount();
});

test("the usual number of breaks covers two weeks of whole quarters, and older ones are removed", async () => {
  const { userId, ids } = await makeConnections(1, ago(3_000));
  const db = await database();
  const brokerageId = randomUUID();
  const flags = { enabled: true, maintenance: false, degraded: false };
  await db
    .insert(brokerages)
    .values({ id: brokerageId, slug: brokerageId, name: "Brokerage", ...flags, observedAt: now });
  const row = {
    connectionId: ids[0] ?? "",
    userId,
    brokerageId,
    noticedAt: now,
    noticedBy: "timer" as const,
  };
  for (const hours of [0.1, 0.6, 100, 335.9, 336.5, 600])
    await db.insert(episodes).values({ ...row, brokeAt: ago(hours), endedAt: ago(hours), endedHow: "fixed" });
  await countQuarters(now);
  const until = ago(0.25);
  expect((await usualBreaks([brokerageId], until)).get(brokerageId)).toBeCloseTo(3 / 1344);
  await countQuarters(new Date(now.getTime() + 20 * 24 * hourMs));
  expect(await rowsOf(sql`select 1 from brokerage_quarters`)).toEqual([]);
});

test("only the newest thousand episodes say how long a brokerage's access lasts", async () => {
  const { userId, ids } = await makeConnections(1, ago(3_000));
  const brokerageId = randomUUID();
  const db = await database();
  await db.execute(sql`insert into brokerages (id, slug, name, enabled, maintenance, degraded, observed_at)
    values (${brokerageId}::uuid, 'NEW', 'New', true, false, false, now())`);
  await db.execute(sql`
    insert into episodes (connection_id, user_id, brokerage_id, broke_at, noticed_at, noticed_by, ended_at, ended_how, lived_days)
    select ${ids[0] ?? ""}::uuid, ${userId}::uuid, ${brokerageId}::uuid, at, at, 'webhook', at, 'fixed', case when n <= 1000 then 10 else 90 end
    from generate_series(1, 3000) as n, lateral (select ${now.toISOString()}::timestamptz - n * interval '1 minute' as at)`);
  expect((await listLifetimes()).get(brokerageId)).toEqual(Array.from({ length: 19 }, () => 10));
});

test("silent connections that nobody can answer for never hide one that has just fallen silent", async () => {
  const db = await database();
  const silent = (silentSince: number) => ({
    heartbeats: 3,
    heartbeatGapMs: 4 * hourMs,
    lastHeartbeatAt: ago(silentSince + 6),
    observedAt: ago(silentSince + 100),
  });
  const gone = await makeConnections(600, ago(900));
  await db.update(connections).set(silent(20)).where(eq(connections.userId, gone.userId));
  await db
    .update(snapTradeUsers)
    .set({ goneAt: ago(90), goneReason: "deleted" })
    .where(eq(snapTradeUsers.userId, gone.userId));
  const fresh = await makeConnections(1, ago(900));
  await db.update(connections).set(silent(1)).where(eq(connections.userId, fresh.userId));
  expect(await listSilent(now, 10, ago(1_000))).toEqual([{ userId: fresh.userId }]);
});

test("people without a working connection are not among those looked at longest ago", async () => {
  const [working, broken] = [await makeConnections(1, ago(300)), await makeConnections(1, ago(300))];
  const report = {
    observedAt: ago(2),
    answeredAt: ago(2),
    disabledAt: null,
    source: "timer" as const,
    recordedAt: ago(2),
  };
  for (const [{ userId, ids }, state] of [
    [working, "enabled"],
    [broken, "disabled"],
  ] as const)
    await observe(userId, [{ ...report, connectionId: ids[0] ?? "", state }]);
  const { stalest } = (await listCandidates(now, 1_000, now)).candidates;
  expect(stalest).toContain(working.userId);
  expect(stalest).not.toContain(broken.userId);
});
