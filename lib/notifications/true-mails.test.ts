import { eq, sql } from "drizzle-orm";
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { database } from "@/lib/db/client";
import { notices } from "@/lib/db/schema/notices";
import { brokerages, connections, episodes } from "@/lib/db/schema/connections";
import { users } from "@/lib/db/schema/users";
import { withDatabase } from "@/lib/testing/with-database";
import { sendDueNotices } from "./send";
import { at, days, makeOwner, withMailServer } from "@/lib/testing/notifications";

withDatabase();
const { arrived, moments, subjects } = withMailServer();

beforeEach(async () => {
  const db = await database();
  await db.execute(sql`truncate ${users} cascade`);
  await db.update(brokerages).set({ enabled: true, maintenance: false });
});

const needs = "Your Questrade connection needs reconnecting";
const reminder = "Reminder: your Questrade connection needs reconnecting";
const works = "Your Questrade connection works again";

async function sendAt(...minutes: number[]) {
  for (const minute of minutes) await sendDueNotices(at(minute));
}

async function mailOf(kind: "broke" | "reminder-3" | "fixed") {
  const [row] = await (await database()).select().from(notices).where(eq(notices.kind, kind));
  return row;
}

describe("one e-mail covers", () => {
  test("two breaks 45 seconds apart, sent once the first has waited ten minutes", async () => {
    const owner = await makeOwner(2);
    await owner.report(0, "disabled", 0);
    await owner.report(1, "disabled", 0.75);
    await sendAt(9, 10, 10.5, 11, 12);
    expect(subjects()).toEqual(["2 connections need reconnecting"]);
  });

  test("two consecutive repairs", async () => {
    const owner = await makeOwner(2);
    for (const index of [0, 1]) await owner.report(index, "disabled", 0);
    await sendAt(10);
    await owner.report(0, "enabled", 60);
    await sendAt(60, 60.5);
    await owner.report(1, "enabled", 61);
    await sendAt(61, 62, 63, 64);
    expect(subjects()).toEqual(["2 connections need reconnecting", "2 connections work again"]);
    expect(arrived[1]?.text).not.toMatch(/stopped sharing|Sign in again/);
  });

  test("reminders that are due the same morning, along with a new break", async () => {
    const owner = await makeOwner(3);
    await owner.report(0, "disabled", 0);
    await sendAt(10);
    await owner.report(1, "disabled", 120);
    await sendAt(130);
    await sendAt(days(3), days(3) + 121);
    await owner.report(2, "disabled", days(7) - 10);
    await sendAt(days(7), days(7) + 121, days(8));
    expect(subjects()).toEqual([
      needs,
      needs,
      "Reminder: 2 connections need reconnecting",
      "3 connections need reconnecting",
    ]);
  });

  test("both reminders of a break after an outage of the sender; a late first e-mail is followed by a reminder three days later", async () => {
    const owner = await makeOwner();
    await owner.report(0, "disabled", 0);
    await sendAt(10, days(8), days(8) + 1);
    expect(subjects()).toEqual([needs, reminder]);
    const late = await makeOwner();
    await late.report(0, "disabled", 0);
    await sendAt(days(5), days(5) + 1, days(8) - 1);
    expect(subjects(late.email)).toEqual([needs]);
    await sendAt(days(8) + 1);
    expect(subjects(late.email)).toEqual([needs, reminder]);
  });
});

describe("an e-mail is true when it leaves", () => {
  test("a repair before the server asks for the e-mail cancels it", async () => {
    const owner = await makeOwner();
    await owner.report(0, "disabled", 0);
    moments.beforeData = () => owner.report(0, "enabled", 10);
    await sendAt(10, 11, 12, 13, 60);
    expect(subjects()).toEqual([]);
    expect(await mailOf("broke")).toMatchObject({ mail: "cancelled" });
  });

  test("if one of two connections is repaired before the server asks, only the other is in the e-mail", async () => {
    const owner = await makeOwner(2);
    for (const index of [0, 1]) await owner.report(index, "disabled", 0);
    moments.beforeData = () => owner.report(0, "enabled", 10);
    await sendAt(10, 11);
    expect(subjects()).toEqual([needs]);
  });

  test("a repair while the e-mail is leaving is followed by a receipt, even if a round runs in between", async () => {
    const owner = await makeOwner();
    await owner.report(0, "disabled", 0);
    moments.beforeAnswer = async () => {
      moments.beforeAnswer = () => Promise.resolve();
      await owner.report(0, "enabled", 10);
      await sendAt(10.5, 11.5);
    };
    await sendAt(10);
    expect(subjects()).toEqual([needs]);
    await sendAt(13, 14, 15);
    expect(subjects()).toEqual([needs, works]);
  });

  test("a receipt is not sent for a connection that has stopped again", async () => {
    const owner = await makeOwner();
    await owner.report(0, "disabled", 0);
    await sendAt(10);
    await owner.report(0, "enabled", 60);
    await owner.report(0, "disabled", 61);
    await sendAt(61, 62, 65, 71, 72, 80, days(1), days(2));
    expect(subjects()).toEqual([needs, needs]);
  });

  test("a receipt is not sent when the connection stops just before the server asks; after a short stop it is sent once it is true again", async () => {
    const owner = await makeOwner();
    await owner.report(0, "disabled", 0);
    await sendAt(10);
    await owner.report(0, "enabled", 60);
    moments.beforeData = () => owner.report(0, "disabled", 62);
    await sendAt(62);
    expect(subjects()).toEqual([needs]);
    moments.beforeData = () => Promise.resolve();
    await owner.report(0, "enabled", 64);
    await sendAt(65, 68, 69, 75);
    expect(subjects()).toEqual([needs, works]);
  });

  test.each([
    ["the connection is being removed", () => ({ connection: { removalRequestedAt: at(10) } })],
    ["the person is leaving", () => ({ user: { deletionRequestedAt: at(10) } })],
    ["they no longer want any", () => ({ user: { mailPreference: "none" as const } })],
    ["their quiet hours begin", () => ({ user: { quietFrom: 9 * 60, quietTo: 10 * 60, timeZone: "UTC" } })],
    ["the brokerage goes into maintenance", () => ({ brokerage: { maintenance: true } })],
    ["the brokerage can no longer be reconnected", () => ({ brokerage: { enabled: false } })],
  ])("nothing leaves if, just before, %s", async (_, change) => {
    const owner = await makeOwner();
    await owner.report(0, "disabled", 0);
    const { connection, user, brokerage }: { connection?: object; user?: object; brokerage?: object } =
      change();
    moments.beforeData = async () => {
      const db = await database();
      if (connection) await db.update(connections).set(connection);
      if (user) await db.update(users).set(user);
      if (brokerage) await db.update(brokerages).set(brokerage);
    };
    await sendAt(10, 11, 12);
    expect(subjects()).toEqual([]);
  });

  test("a repair that is reported too early, just as its receipt is about to leave, is announced once it is true", async () => {
    const owner = await makeOwner();
    await owner.report(0, "disabled", 0);
    await sendAt(10);
    await owner.report(0, "enabled", 60);
    moments.beforeData = () => owner.stillDisabled(0, 61, 0);
    await sendAt(62);
    moments.beforeData = () => Promise.resolve();
    await owner.report(0, "enabled", 70);
    await sendAt(72, 73);
    expect(subjects()).toEqual([needs, works]);
  });

  test("an episode that turns out never to have happened is left out, and the rest of the e-mail goes out", async () => {
    const owner = await makeOwner(2);
    for (const index of [0, 1]) await owner.report(index, "disabled", 0);
    moments.beforeData = async () => {
      await (await database()).delete(episodes).where(eq(episodes.connectionId, owner.ids[0] ?? ""));
    };
    await sendAt(10, 11);
    expect(subjects()).toEqual([needs]);
  });

  test("in any order of breaks, repairs, and rounds", async () => {
    const step = fc.record({
      index: fc.constantFrom(0, 1),
      minutes: fc.constantFrom(1, 3, 11),
      when: fc.constantFrom("between" as const, "beforeData" as const, "beforeAnswer" as const),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 8 }), async (steps) => {
        const owner = await makeOwner(2);
        const falsehoods: string[] = [];
        const works = [true, true];
        const check = () => recordFalse(owner.ids, falsehoods);
        let minute = 0;
        for (const { index, minutes, when } of steps) {
          minute += minutes;
          let reported = false;
          const report = async () => {
            if (reported) return;
            reported = true;
            works[index] = !works[index];
            await owner.report(index, works[index] ? "enabled" : "disabled", minute);
          };
          Object.assign(moments, { beforeData: () => Promise.resolve(), beforeAnswer: check });
          if (when === "between") await report();
          if (when === "beforeData") moments.beforeData = report;
          if (when === "beforeAnswer") moments.beforeAnswer = () => check().then(report);
          await sendAt(minute + 0.1);
          // Nothing was sent, so this happens after the round.
          await report();
        }
        Object.assign(moments, { beforeData: () => Promise.resolve(), beforeAnswer: check });
        for (let more = 1; more < 30; more += 4) await sendAt(minute + more);
        expect(falsehoods).toEqual([]);
        const unfinished = sql`user_id = ${owner.userId} and mail in ('claimed', 'leaving')`;
        expect(await (await database()).$count(notices, unfinished)).toBe(0);
        await (await database()).delete(users).where(eq(users.id, owner.userId));
      }),
      { numRuns: 12 },
    );
  }, 120_000);
});

/** Compares what is leaving right now with the current connections. */
async function recordFalse(ids: string[], falsehoods: string[]) {
  const db = await database();
  const leaving = await db
    .select({ kind: notices.kind, state: connections.state, connectionId: connections.id })
    .from(notices)
    .innerJoin(episodes, eq(episodes.id, notices.episodeId))
    .innerJoin(connections, eq(connections.id, episodes.connectionId))
    .where(eq(notices.mail, "leaving"));
  if (leaving.length === 0) falsehoods.push("nothing is marked as leaving");
  for (const { kind, state, connectionId } of leaving) {
    if (ids.includes(connectionId) && state !== (kind === "fixed" ? "enabled" : "disabled"))
      falsehoods.push(`${kind} while ${state}`);
  }
}

describe("a brokerage that cannot be reconnected", () => {
  test("causes no e-mails until it can be reconnected again, and none at all if the break ends first", async () => {
    const [owner, other] = [await makeOwner(), await makeOwner()];
    const db = await database();
    await owner.report(0, "disabled", 0);
    await sendAt(10);
    await other.report(0, "disabled", 20);
    await db.update(brokerages).set({ enabled: false });
    await sendAt(30, days(3), days(4), days(7), days(8));
    expect(subjects()).toEqual([needs]);
    expect(await mailOf("reminder-3")).toMatchObject({ mail: "held", lastError: "cannot be reconnected" });
    await other.report(0, "enabled", days(9));
    await db.update(brokerages).set({ enabled: true });
    await sendAt(days(10), days(10) + 1);
    expect(subjects()).toEqual([needs, reminder]);
    expect(subjects(other.email)).toEqual([]);
  });
});
