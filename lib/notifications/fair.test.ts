import { randomUUID } from "node:crypto";
import { and, count, eq, sql } from "drizzle-orm";
import { beforeEach, describe, expect, test } from "vitest";
import { database } from "@/lib/db/client";
import { notices } from "@/lib/db/schema/notices";
import { incidents } from "@/lib/db/schema/incidents";
import { brokerages } from "@/lib/db/schema/connections";
import { users } from "@/lib/db/schema/users";
import { withDatabase } from "@/lib/testing/with-database";
import { claimMails, recordLeaving } from "./claim";
import { listDuePeople } from "./due";
import { recordAbandoned, recordSent } from "./outcome";
import { sendDueNotices } from "./send";
import { at, days, makeOwner, withMailServer } from "@/lib/testing/notifications";

withDatabase();
const { subjects } = withMailServer();

beforeEach(async () => {
  const db = await database();
  await db.execute(sql`truncate ${users}, ${incidents} cascade`);
  await db.update(brokerages).set({ enabled: true, maintenance: false });
});

/** Creates this many people, each with an unannounced break, all at one new brokerage. */
async function makePile(people: number, minutes: number, held = false) {
  const db = await database();
  const brokerageId = randomUUID();
  const flags = { enabled: true, maintenance: false, degraded: false };
  await db.insert(brokerages).values({
    id: brokerageId,
    slug: brokerageId.slice(0, 8),
    name: "Fidelity",
    ...flags,
    observedAt: at(0),
  });
  const moment = sql`${at(minutes).toISOString()}::timestamptz`;
  await db.execute(sql`
    with person as (
      insert into users (email, quiet_from, quiet_to) select gen_random_uuid() || '@example.com', 0, 0 from generate_series(1, ${people}) returning id
    ), connection as (
      insert into connections (id, user_id, brokerage_id, access, state, observed_at, disabled_at)
      select gen_random_uuid(), id, ${brokerageId}::uuid, 'read', 'disabled', ${moment}, ${moment} from person returning id, user_id
    ), episode as (
      insert into episodes (connection_id, user_id, brokerage_id, broke_at, noticed_at, noticed_by)
      select id, user_id, ${brokerageId}::uuid, ${moment}, ${moment}, 'webhook' from connection returning id, connection_id
    )
    insert into notices (user_id, episode_id, brokerage_id, kind, created_at, run_at, mail, held_at, held_for)
    select connection.user_id, episode.id, ${brokerageId}::uuid, 'broke', ${moment}, ${moment} + interval '10 minutes',
      ${held ? "held" : "waiting"}, ${held ? moment : null}, ${held ? brokerageId : null}::uuid
    from episode join connection on connection.id = episode.connection_id`);
  return brokerageId;
}

async function countByState() {
  const db = await database();
  const rows = await db.select({ mail: notices.mail, count: count() }).from(notices).groupBy(notices.mail);
  return Object.fromEntries(rows.map(({ mail, count }) => [mail, count]));
}

describe("a backlog of notices", () => {
  test("10,000 held notices delay no one, stay untouched while held, and go out when their brokerage recovers", async () => {
    const db = await database();
    const brokerageId = await makePile(10_000, -60, true);
    const [incident] = await db
      .insert(incidents)
      .values({ brokerageId, beganAt: at(-60), lastSeenAt: at(0) })
      .returning();
    const owner = await makeOwner();
    await owner.report(0, "disabled", 0);
    await sendDueNotices(at(10));
    expect(subjects()).toEqual(["Your Questrade connection needs reconnecting"]);
    expect(await countByState()).toMatchObject({ held: 10_000, sent: 1 });
    const versions = sql`select count(distinct xmin::text)::int as count, max(xmin::text::bigint) as newest from notices where mail = 'held'`;
    const before = JSON.stringify(await db.execute(versions));
    await sendDueNotices(at(15));
    expect(JSON.stringify(await db.execute(versions))).toBe(before);

    await db
      .update(incidents)
      .set({ endedAt: at(20) })
      .where(eq(incidents.id, incident?.id ?? ""));
    await sendDueNotices(at(20));
    expect(
      subjects().filter((subject) => subject === "Fidelity is back: you can reconnect now").length,
    ).toBeGreaterThan(0);
    // One round releases no more than it can send.
    expect((await countByState()).held).toBe(9_800);
  }, 120_000);

  test("that waits for its brokerage is set aside in the first round and delays no one", async () => {
    const brokerageId = await makePile(1_000, -60);
    await (await database()).insert(incidents).values({ brokerageId, beganAt: at(-60), lastSeenAt: at(0) });
    const owner = await makeOwner();
    await owner.report(0, "disabled", 0);
    await sendDueNotices(at(10));
    expect(await countByState()).toMatchObject({ held: 1_000, sent: 1 });
  });

  test("at one brokerage does not delay another brokerage's e-mail, no matter who has waited longer", async () => {
    await makePile(300, -60);
    const owner = await makeOwner(2);
    for (const index of [0, 1]) await owner.report(index, "disabled", 0);
    const people = await listDuePeople(at(10));
    expect(people).toHaveLength(200);
    expect(people.slice(0, 2)).toContain(owner.userId);
    expect(new Set(people).size).toBe(200);
  });

  test("at a recovered brokerage is sent with all of a person's notices in one e-mail", async () => {
    const owner = await makeOwner(3);
    const db = await database();
    await db.update(brokerages).set({ maintenance: true });
    for (const index of [0, 1, 2]) await owner.report(index, "disabled", index * 60);
    for (const minutes of [10, 70, 130]) await sendDueNotices(at(minutes));
    await db.update(brokerages).set({ maintenance: false });
    for (const minutes of [140, 141]) await sendDueNotices(at(minutes));
    expect(subjects()).toEqual(["3 connections need reconnecting"]);
  });
});

describe("a failure for one person", () => {
  test("from an unknown time zone does not stop their e-mail, or anyone else's", async () => {
    const [odd, other] = [await makeOwner(), await makeOwner()];
    const db = await database();
    await db
      .update(users)
      .set({ timeZone: "Mars/Olympus", quietFrom: 60, quietTo: 120 })
      .where(eq(users.id, odd.userId));
    for (const owner of [odd, other]) await owner.report(0, "disabled", 0);
    await sendDueNotices(at(10));
    expect([subjects(odd.email), subjects(other.email)].map((all) => all.length)).toEqual([1, 1]);
  });

  test("from an undeliverable address is retried up to six attempts, then parked with the reason, and stops no one else", async () => {
    const [odd, other] = [await makeOwner(), await makeOwner()];
    const db = await database();
    await db.update(users).set({ email: "nobody at all" }).where(eq(users.id, odd.userId));
    for (const owner of [odd, other]) await owner.report(0, "disabled", 0);
    await sendDueNotices(at(10));
    expect(subjects()).toHaveLength(1);
    for (let hour = 1; hour <= 8; hour++) await sendDueNotices(at(10 + hour * 300));
    const [notice] = await db
      .select()
      .from(notices)
      .where(and(eq(notices.userId, odd.userId), eq(notices.kind, "broke")));
    expect(notice).toMatchObject({ mail: "failed", attempts: 6, lastError: "not handed over (EENVELOPE)" });
  });

  test("from a malformed date in one connection fails alone; everything else that is due goes out", async () => {
    const owner = await makeOwner(2);
    for (const index of [0, 1]) await owner.report(index, "disabled", 0);
    const db = await database();
    await db.execute(sql`
      insert into brokerage_accounts (id, connection_id, name, holdings_at)
      values (gen_random_uuid(), ${owner.ids[0] ?? ""}::uuid, 'TFSA', 'infinity')`);
    for (const minutes of [10, 11, 12]) await sendDueNotices(at(minutes));
    expect(subjects()).not.toEqual([]);
  });

  test("from a lease that ends in the far future, made before a clock was set back, is taken over", async () => {
    const owner = await makeOwner();
    await owner.report(0, "disabled", 0);
    const db = await database();
    await db.update(notices).set({
      mail: "claimed",
      lockedUntil: at(days(30)),
      mailId: "<gone@example.com>",
      runAt: at(10),
      attempts: 1,
    });
    await sendDueNotices(at(10));
    expect(subjects()).toHaveLength(1);
  });

  test("a process whose clock is a little behind gives up no e-mail that another one is sending", async () => {
    const owner = await makeOwner();
    await owner.report(0, "disabled", 0);
    const [mail] = (await claimMails(owner.userId, at(11))).mails;
    if (!mail) throw new Error("Nothing was claimed");
    expect(await recordLeaving(mail, at(11))).toBe(true);
    expect(await recordAbandoned(new Date(at(11).getTime() - 5))).toBe(0);
    await recordSent(owner.userId, mail.mailId, "Sent", at(11));
  });

  test("never makes many concurrent processes send more than one e-mail for several breaks", async () => {
    const owner = await makeOwner(5);
    for (const index of [0, 1, 2, 3, 4]) await owner.report(index, "disabled", index);
    await Promise.all(Array.from({ length: 6 }, () => sendDueNotices(at(10))));
    expect(subjects()).toEqual(["5 connections need reconnecting"]);
  });
});
