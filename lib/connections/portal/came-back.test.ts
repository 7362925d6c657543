import { eq } from "drizzle-orm";
import { expect, test } from "vitest";
import { database } from "@/lib/db/client";
import { portalSessions } from "@/lib/db/schema/portal";
import { snapTradeUsers } from "@/lib/db/schema/users";
import { withDatabase } from "@/lib/testing/with-database";
import { listConnectionViews } from "@/lib/connections/pages/list";
import { look } from "@/lib/connections/look/look";
import { closeAbandonedSessions } from "@/lib/connections/portal/abandoned";
import { checkPortal } from "./check";
import type { ReportedResult } from "@/lib/connections/views";
import { withVisits } from "@/lib/testing/connections";

const { emulator, makePerson } = withVisits();
withDatabase();

const later = (seconds: number) => new Date(Date.now() + seconds * 1_000);

async function visitor() {
  const person = await makePerson("QUESTRADE");
  const { userId } = person;
  const { view } = await person.open();
  const { portalSessionId } = view;
  const report = { userId, portalSessionId };
  const leave = (reportedResult: ReportedResult, now = new Date()) =>
    checkPortal({ ...report, reportedResult, over: true, now });
  const isThere = (now = new Date()) =>
    checkPortal({ ...report, reportedResult: null, over: false, inside: true, now });
  const row = async () =>
    (await listConnectionViews(userId, { now: new Date(), dayStartedAt: new Date(0) })).connections[0];
  const session = async () =>
    (await (await database()).select().from(portalSessions).where(eq(portalSessions.id, portalSessionId)))[0];
  return { ...person, portalSessionId, leave, isThere, row, session };
}

test("a portal session that one tab left stays open while another tab shows the portal", async () => {
  const { leave, isThere, row } = await visitor();
  expect((await leave({ status: "ABANDONED" })).outcome).toMatchObject({ failure: "not-finished" });
  expect(await row()).toMatchObject({
    status: "disabled",
    lastSessionUnfinishedAt: expect.any(Date) as Date,
  });
  expect((await isThere()).outcome).toEqual({ state: "open" });
  expect(await row()).toMatchObject({ status: "reconnecting", lastSessionUnfinishedAt: null });
});

test("a portal session that the timer closed reopens when its page wakes up", async () => {
  const { isThere, row, session } = await visitor();
  await closeAbandonedSessions(later(700));
  expect(await session()).toMatchObject({ outcome: "failed" });
  expect((await isThere()).outcome).toEqual({ state: "open" });
  expect(await session()).toMatchObject({ outcome: null, leftAt: null, reportedStatus: null });
  expect(await row()).toMatchObject({ status: "reconnecting" });
});

test("an error before coming back is still the reason when the session ends without another one", async () => {
  const { leave, isThere } = await visitor();
  await leave({ status: "ERROR", code: "1066" });
  expect((await isThere()).outcome).toEqual({ state: "open" });
  expect((await leave({ status: "ABANDONED" })).outcome).toMatchObject({ failure: "sign-in-refused" });
});

test("accounts aren't read while the person tries again after an error", async () => {
  const { userId, leave, isThere } = await visitor();
  await leave({ status: "ERROR", code: "1066" });
  await isThere();
  const db = await database();
  await db
    .update(snapTradeUsers)
    .set({ accountsLookedAt: null, accountsAskedAt: null })
    .where(eq(snapTradeUsers.userId, userId));
  await look(userId);
  const [person] = await db.select().from(snapTradeUsers).where(eq(snapTradeUsers.userId, userId));
  expect(person?.accountsLookedAt).toBeNull();
});

test("a person who signed in is not waiting in a portal that another tab still shows", async () => {
  const { leave, isThere, session } = await visitor();
  await leave({ status: "SUCCESS" });
  expect((await isThere()).outcome).toEqual({ state: "checking", signedIn: true });
  expect((await session())?.leftAt).not.toBeNull();
});

test("a second return is judged by what SnapTrade says after it, not after the first", async () => {
  const { path, leave } = await visitor();
  expect((await leave({ status: "ABANDONED" })).outcome.state).toBe("failed");
  await emulator.post(`${path}/faults`, { endpoint: "list", kind: "status", status: 503 });
  expect((await leave({ status: "ABANDONED" }, later(30))).outcome).toEqual({
    state: "checking",
    signedIn: false,
  });
});

test.each(["SUCCESS", "UNKNOWN"] as const)(
  "a second return with %s is checked for as long as the first",
  async (status) => {
    const { leave } = await visitor();
    const state = async (seconds: number) => (await leave({ status }, later(seconds))).outcome.state;
    expect(await state(0)).toBe("checking");
    expect(await state(90)).toBe("checking");
  },
);

test("the second half of a double click reopens the session after the first half's page was closed", async () => {
  const { userId, path, open, row, session, portalSessionId } = await visitor();
  await emulator.post(`${path}/faults`, { endpoint: "login", kind: "delay", delayMs: 300, times: 1 });
  const second = open();
  await expect.poll(async () => (await emulator.get<{ faults: unknown[] }>(path)).faults).toEqual([]);
  await checkPortal({
    userId,
    portalSessionId,
    reportedResult: { status: "ABANDONED" },
    over: true,
    now: new Date(),
  });
  expect((await second).view).toMatchObject({ portalSessionId, outcome: { state: "open" } });
  expect(await row()).toMatchObject({ status: "reconnecting" });
  expect(await session()).toMatchObject({ outcome: null, leftAt: null, reportedStatus: null });
});
