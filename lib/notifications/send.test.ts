import { eq, sql } from "drizzle-orm";
import { beforeEach, describe, expect, test } from "vitest";
import { withEmulator } from "@/lib/testing/connections";
import { notifyWhenBack } from "@/lib/connections/portal/notify-when-back";
import { database } from "@/lib/db/client";
import { notices } from "@/lib/db/schema/notices";
import { incidents } from "@/lib/db/schema/incidents";
import { brokerages } from "@/lib/db/schema/connections";
import { users } from "@/lib/db/schema/users";
import { findLink } from "@/lib/fix-sessions/links/find";
import { fixSessions } from "@/lib/db/schema/fix-sessions";
import { withDatabase } from "@/lib/testing/with-database";
import { listNotices } from "./data";
import { makeFixLink, unsubscribe, unsubscribeToken } from "./links";
import { sendDueNotices } from "./send";
import { at, days, makeOwner } from "@/lib/testing/notifications";

withDatabase();
const emulator = withEmulator();

beforeEach(async () => {
  const db = await database();
  await db.execute(sql`truncate ${users} cascade`);
  await db.update(brokerages).set({ maintenance: false });
});

type Owner = Awaited<ReturnType<typeof makeOwner>>;

const mailsTo = ({ email }: Owner) =>
  emulator.get<{ subject: string; links: string[]; text: string; html: string }[]>(`/mail?to=${email}`);
const subjects = async (owner: Owner) => (await mailsTo(owner)).map(({ subject }) => subject).reverse();

test("someone without an address gets no e-mail, keeps the notices in the app, and delays nobody", async () => {
  const [unknown, other] = [await makeOwner(), await makeOwner()];
  const db = await database();
  await db.update(users).set({ email: null, externalId: "one" }).where(eq(users.id, unknown.userId));
  for (const owner of [unknown, other]) await owner.report(0, "disabled", 0);
  for (const minutes of [10, days(3), days(7), days(30)]) await sendDueNotices(at(minutes));
  expect(await subjects(other)).toHaveLength(3);
  const rows = await db.select().from(notices).where(eq(notices.userId, unknown.userId));
  expect(rows.map(({ mail, lastError, attempts }) => ({ mail, lastError, attempts }))).toEqual([
    { mail: "cancelled", lastError: "no-address", attempts: 0 },
  ]);
  expect(await listNotices(unknown.userId)).toMatchObject([{ kind: "broke", readAt: null }]);
  const connectionId = unknown.ids[0] ?? "";
  await expect(notifyWhenBack(unknown.userId, connectionId, at(11))).rejects.toThrow("no e-mail address");
});

describe("an episode", () => {
  test("is announced once, followed by two reminders and a receipt, however often the sender runs", async () => {
    const owner = await makeOwner();
    await owner.report(0, "disabled", 0);
    for (const minutes of [0, 9, 10, 11, 60, days(3), days(3) + 1, days(7), days(7) + 1, days(30)])
      await sendDueNotices(at(minutes));
    await owner.report(0, "enabled", days(31));
    await sendDueNotices(at(days(31)));
    await sendDueNotices(at(days(32)));
    expect(await subjects(owner)).toEqual([
      "Your Questrade connection needs reconnecting",
      "Reminder: your Questrade connection needs reconnecting",
      "Reminder: your Questrade connection needs reconnecting",
      "Your Questrade connection works again",
    ]);
  });

  test("that ends before it is announced is never announced", async () => {
    const owner = await makeOwner();
    await owner.report(0, "disabled", 0);
    await owner.report(0, "enabled", 5);
    await sendDueNotices(at(60));
    expect(await subjects(owner)).toEqual([]);
  });

  test("of several connections within ten minutes is one e-mail with a link for each", async () => {
    const owner = await makeOwner(3);
    for (const index of [0, 1, 2]) await owner.report(index, "disabled", index);
    await sendDueNotices(at(12));
    const [mail] = await mailsTo(owner);
    expect(mail?.subject).toBe("3 connections need reconnecting");
    expect(mail?.links.filter((link) => link.includes("/fix/"))).toHaveLength(3);
  });

  test("at a brokerage in maintenance is held, and announced afterwards with a note about the wait", async () => {
    const owner = await makeOwner();
    const db = await database();
    await db.update(brokerages).set({ maintenance: true });
    await owner.report(0, "disabled", 0);
    for (const minutes of [10, 60, 120]) await sendDueNotices(at(minutes));
    expect(await subjects(owner)).toEqual([]);
    await db.update(brokerages).set({ maintenance: false });
    await sendDueNotices(at(130));
    expect(await subjects(owner)).toEqual(["Questrade is back: you can reconnect now"]);
  });

  test("during an incident is held until the incident is over, and announced then", async () => {
    const owner = await makeOwner();
    const db = await database();
    const [incident] = await db
      .insert(incidents)
      .values({ brokerageId: owner.brokerageId, beganAt: at(-1), lastSeenAt: at(0) })
      .returning();
    await owner.report(0, "disabled", 0);
    for (const minutes of [10, 30]) await sendDueNotices(at(minutes));
    expect(await subjects(owner)).toEqual([]);
    await db
      .update(incidents)
      .set({ endedAt: at(31) })
      .where(eq(incidents.id, incident?.id ?? ""));
    await sendDueNotices(at(40));
    expect(await subjects(owner)).toEqual(["Questrade is back: you can reconnect now"]);
  });

  test("is announced after quiet hours, never during them", async () => {
    const owner = await makeOwner();
    const db = await database();
    await db
      .update(users)
      .set({ quietFrom: 8 * 60, quietTo: 12 * 60, timeZone: "UTC" })
      .where(eq(users.id, owner.userId));
    await owner.report(0, "disabled", 0);
    for (const minutes of [10, 100, 179]) await sendDueNotices(at(minutes));
    expect(await subjects(owner)).toEqual([]);
    await sendDueNotices(at(180));
    expect(await subjects(owner)).toHaveLength(1);
  });
});

describe("a person who asked to be notified when the brokerage is back", () => {
  test("is notified exactly once, after another repair there succeeded, and never about a connection that works or is not theirs", async () => {
    const [owner, other] = [await makeOwner(), await makeOwner()];
    await owner.report(0, "disabled", 0);
    await other.report(0, "disabled", 0);
    await expect(notifyWhenBack(other.userId, owner.ids[0] ?? "", at(20))).rejects.toMatchObject({
      code: "not-found",
    });
    for (const minutes of [20, 21]) await notifyWhenBack(owner.userId, owner.ids[0] ?? "", at(minutes));
    await sendDueNotices(at(25));
    expect(await subjects(owner)).toEqual(["Your Questrade connection needs reconnecting"]);
    await other.report(0, "enabled", 26);
    await sendDueNotices(at(31));
    expect((await subjects(owner)).slice(1)).toEqual(["Questrade is back: you can reconnect now"]);
    await expect(notifyWhenBack(owner.userId, owner.ids[0] ?? "", at(40))).rejects.toMatchObject({
      code: "already-notified",
    });
    await expect(notifyWhenBack(other.userId, other.ids[0] ?? "", at(40))).rejects.toMatchObject({
      code: "not-broken",
    });
  });
});

describe("a crash", () => {
  test("before anything left does not lose the notice; it is sent two minutes later", async () => {
    const owner = await makeOwner();
    await owner.report(0, "disabled", 0);
    const db = await database();
    await db.update(notices).set({
      mail: "claimed",
      lockedUntil: at(12),
      mailId: "<gone@example.com>",
      runAt: at(10),
      attempts: 1,
    });
    expect(await sendDueNotices(at(11))).toMatchObject({ mails: 0, unknown: 0 });
    expect(await sendDueNotices(at(13))).toMatchObject({ mails: 1, unknown: 0 });
    expect(await subjects(owner)).toHaveLength(1);
  });

  test("while it may have left never sends the notice twice; it is recorded as unknown, and reminders follow", async () => {
    const owner = await makeOwner();
    await owner.report(0, "disabled", 0);
    const db = await database();
    await db.update(notices).set({
      mail: "leaving",
      lockedUntil: at(12),
      mailId: "<gone@example.com>",
      runAt: at(10),
      attempts: 1,
    });
    expect(await sendDueNotices(at(11))).toMatchObject({ mails: 0, unknown: 0 });
    expect(await sendDueNotices(at(13))).toMatchObject({ mails: 0, unknown: 1 });
    expect(await subjects(owner)).toEqual([]);
    await sendDueNotices(at(days(3)));
    expect(await subjects(owner)).toEqual(["Reminder: your Questrade connection needs reconnecting"]);
  });

  test("of two concurrent senders results in one e-mail", async () => {
    const owner = await makeOwner();
    await owner.report(0, "disabled", 0);
    await Promise.all([sendDueNotices(at(10)), sendDueNotices(at(10)), sendDueNotices(at(10))]);
    expect(await subjects(owner)).toHaveLength(1);
  });
});

describe("an e-mail", () => {
  test("names masked accounts, offers one-click unsubscribe, and contains no login link", async () => {
    const owner = await makeOwner();
    await owner.report(0, "disabled", 0);
    await sendDueNotices(at(10));
    const [mail] = await mailsTo(owner);
    expect(mail?.html).not.toMatch(/<img|http:\/\/localhost:\d+\/portal|redeemToken/);
    expect(mail?.text).toContain("How to know this e-mail is real.");
    expect(mail?.links.some((link) => link.includes(`/api/unsubscribe/${owner.userId}.`))).toBe(true);
  });

  test("that nobody wants is not sent", async () => {
    const owner = await makeOwner();
    expect(await unsubscribe(unsubscribeToken(owner.userId))).toBe(true);
    expect(await unsubscribe(`${owner.userId}.forged`)).toBe(false);
    await owner.report(0, "disabled", 0);
    await sendDueNotices(at(10));
    expect(await subjects(owner)).toEqual([]);
  });
});

describe("a link in an e-mail", () => {
  test("leads its owner to the connection for seven days, however often it is opened, until the break is over", async () => {
    const owner = await makeOwner();
    await owner.report(0, "disabled", 0);
    const tokenOf = async () =>
      (await makeFixLink(owner.userId, owner.ids[0] ?? "", at(10))).split("/").at(-1) ?? "";
    const token = await tokenOf();
    const db = await database();
    expect(JSON.stringify(await db.select().from(fixSessions))).not.toContain(token);
    for (const minutes of [11, 12, days(6)])
      expect(await findLink(token, at(minutes))).toMatchObject({ userId: owner.userId, isOver: false });
    expect(await findLink(token, at(days(7) + 11))).toMatchObject({ isOver: true });
    await owner.report(0, "enabled", 30);
    expect(await findLink(token, at(31))).toMatchObject({ isOver: true, signsIn: false });
  });
});
