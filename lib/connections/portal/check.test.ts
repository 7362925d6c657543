import { randomUUID } from "node:crypto";
import { and, eq, sql } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import { database } from "@/lib/db/client";
import { brokerageAccounts, episodes } from "@/lib/db/schema/connections";
import { portalSessions } from "@/lib/db/schema/portal";
import { snapTradeUsers } from "@/lib/db/schema/users";
import { withDatabase } from "@/lib/testing/with-database";
import { observe } from "@/lib/connections/observations/observe";
import { look } from "@/lib/connections/look/look";
import { withVisits } from "@/lib/testing/connections";

const { emulator, makePerson } = withVisits();
withDatabase();

describe("after the portal", () => {
  test("the same connection is fixed when SnapTrade says so, with the time of its answer", async () => {
    const { path, connectionId, open, check } = await makePerson("QUESTRADE");
    const { view } = await open();
    await emulator.post(`${path}/advance`, { seconds: 2 });
    await emulator.post(`${path}/connections/${connectionId}/fix`);
    const after = await check(view.portalSessionId, { status: "SUCCESS" });
    expect(after).toMatchObject({ connectionId, outcome: { state: "fixed" } });
    expect((await check(view.portalSessionId, { status: "ERROR", code: "1023" })).outcome).toEqual(
      after.outcome,
    );
  });

  test("accounts that came back are shown once they have been read after the repair, and missing ones are named", async () => {
    const { userId, path, open, check } = await makePerson();
    const accounts = ["TFSA", "RRSP", "Margin"].map((name, index) => ({ name, number: `5512442${index}` }));
    const { id } = await emulator.post<{ id: string }>(`${path}/connections`, {
      brokerage: "QUESTRADE",
      accounts,
    });
    await look(userId);
    await emulator.post(`${path}/advance`, { seconds: 5 });
    await emulator.post(`${path}/connections/${id}/break`);
    await look(userId);
    const { view } = await open({ connectionId: id });
    await emulator.post(`${path}/faults`, { endpoint: "accounts", kind: "html502", times: 2 });
    await emulator.post(`${path}/advance`, { seconds: 5 });
    await emulator.post(`${path}/connections/${id}/fix`);
    expect(await check(view.portalSessionId, { status: "SUCCESS" })).toMatchObject({
      outcome: { state: "fixed" },
      accountsBack: null,
    });
    await emulator.clearFaults(`${path}/faults`);
    await emulator.post(`${path}/advance`, { seconds: 5 });
    expect((await check(view.portalSessionId)).accountsBack).toEqual({ expected: 3, missing: [] });
    const db = await database();
    const [lost] = await db
      .select()
      .from(brokerageAccounts)
      .where(and(eq(brokerageAccounts.connectionId, id), eq(brokerageAccounts.name, "TFSA")));
    await db
      .update(brokerageAccounts)
      .set({ missingSince: new Date(Date.now() + 60_000) })
      .where(eq(brokerageAccounts.id, lost?.id ?? ""));
    expect((await check(view.portalSessionId)).accountsBack).toMatchObject({
      expected: 3,
      missing: [{ name: "TFSA", lastDigits: "4420" }],
    });
  });

  test("after a renewal, accounts that were gone before it are not reported missing, whatever the clocks say", async () => {
    const { userId, path, open, check } = await makePerson();
    const { id } = await emulator.post<{ id: string }>(`${path}/connections`, { brokerage: "QUESTRADE" });
    await look(userId);
    const db = await database();
    const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000);
    const [shared] = await db.select().from(brokerageAccounts).where(eq(brokerageAccounts.connectionId, id));
    await db
      .insert(brokerageAccounts)
      .values({ id: randomUUID(), connectionId: id, name: "Closed", missingSince: daysAgo(20) });
    await db.insert(episodes).values({
      connectionId: id,
      userId,
      brokerageId: sql`(select brokerage_id from connections where id = ${id}::uuid)`,
      brokeAt: daysAgo(40),
      noticedAt: daysAgo(40),
      noticedBy: "timer",
      endedAt: daysAgo(39),
      endedHow: "fixed",
    });
    const { view } = await open({ connectionId: id, intent: "renew" });
    await db
      .update(portalSessions)
      .set({ signInResult: "SUCCESS" })
      .where(eq(portalSessions.id, view.portalSessionId));
    await db.update(snapTradeUsers).set({ accountsLookedAt: null }).where(eq(snapTradeUsers.userId, userId));
    const ahead = new Date(Date.now() + 180_000);
    expect(shared).toBeDefined();
    await emulator.post(`${path}/advance`, { seconds: 3 });
    const allBack = { outcome: { state: "fixed" }, accountsBack: { missing: [] } };
    expect(await check(view.portalSessionId, { status: "SUCCESS" }, ahead)).toMatchObject(allBack);
    expect(await check(view.portalSessionId, null, ahead)).toMatchObject(allBack);
  });

  test("repaired and broken again is neither a success nor a failure of the sign-in", async () => {
    const { userId, path, connectionId, open, check } = await makePerson("QUESTRADE");
    const { view } = await open();
    await emulator.post(`${path}/advance`, { seconds: 5 });
    await emulator.post(`${path}/connections/${connectionId}/fix`);
    await look(userId);
    await emulator.post(`${path}/advance`, { seconds: 5 });
    await emulator.post(`${path}/connections/${connectionId}/break`);
    expect((await check(view.portalSessionId, { status: "SUCCESS" })).outcome.state).toBe("stopped-again");
  });

  test("a repair after a return without a result is recognized, even after the session was closed", async () => {
    const { path, connectionId, open, check } = await makePerson("QUESTRADE");
    const { view } = await open();
    expect((await check(view.portalSessionId, { status: "UNKNOWN" })).outcome).toEqual({
      state: "checking",
      signedIn: false,
    });
    const later = new Date(Date.now() + 61_000);
    expect((await check(view.portalSessionId, null, later)).outcome).toMatchObject({ failure: "no-word" });
    await emulator.post(`${path}/advance`, { seconds: 5 });
    await emulator.post(`${path}/connections/${connectionId}/fix`);
    expect((await check(view.portalSessionId, null, new Date(later.getTime() + 10_000))).outcome.state).toBe(
      "fixed",
    );
  });

  test("SUCCESS with a connection that stays disabled is never fixed", async () => {
    const { open, check } = await makePerson("QUESTRADE");
    const { view } = await open();
    expect((await check(view.portalSessionId, { status: "SUCCESS" })).outcome).toEqual({
      state: "checking",
      signedIn: true,
    });
    expect((await check(view.portalSessionId, null, new Date(Date.now() + 61_000))).outcome).toEqual({
      state: "unconfirmed",
    });
  });

  test("leaving after SUCCESS doesn't undo it", async () => {
    const { open, check } = await makePerson("QUESTRADE");
    const { view } = await open();
    await check(view.portalSessionId, { status: "SUCCESS" });
    expect((await check(view.portalSessionId, { status: "ABANDONED" })).outcome).toEqual({
      state: "checking",
      signedIn: true,
    });
  });

  test("while SnapTrade can't be reached, no failure is stated", async () => {
    const { path, open, check } = await makePerson("QUESTRADE");
    const { view } = await open();
    await emulator.post(`${path}/faults`, { endpoint: "list", kind: "html502", times: 1 });
    expect((await check(view.portalSessionId, { status: "ERROR", code: "1066" })).outcome).toEqual({
      state: "checking",
      signedIn: false,
    });
    const later = new Date(Date.now() + 5_000);
    expect((await check(view.portalSessionId, null, later)).outcome).toMatchObject({
      state: "failed",
      failure: "sign-in-refused",
      code: "1066",
    });
  });

  test("another person's portal session looks like a missing one", async () => {
    const { open } = await makePerson("QUESTRADE");
    const stranger = await makePerson();
    const { view } = await open();
    await expect(stranger.check(view.portalSessionId, { status: "SUCCESS" })).rejects.toMatchObject({
      code: "not-found",
    });
  });
});

test("a session closed by an event that a read then denied goes on asking SnapTrade, and shows the repair", async () => {
  const { userId, path, connectionId, open, check } = await makePerson("QUESTRADE");
  const { view } = await open();
  await emulator.post(`${path}/advance`, { seconds: 2 });
  await emulator.post(`${path}/faults`, { endpoint: "list", kind: "status", status: 500 });
  await look(userId);
  const event = { connectionId, state: "enabled" as const, answeredAt: null, disabledAt: null };
  const observedAt = new Date(Date.now() + 3_000);
  await observe(userId, [{ ...event, observedAt, source: "webhook", recordedAt: new Date() }]);
  expect((await check(view.portalSessionId, { status: "SUCCESS" })).outcome.state).toBe("fixed");
  await emulator.clearFaults(`${path}/faults`);
  await emulator.post(`${path}/advance`, { seconds: 30 });
  await look(userId, new Date(), "timer");
  expect((await check(view.portalSessionId)).outcome.state).not.toBe("fixed");
  await emulator.post(`${path}/connections/${connectionId}/fix`);
  await emulator.post(`${path}/advance`, { seconds: 30 });
  const later = new Date(Date.now() + 60_000);
  expect((await check(view.portalSessionId, null, later)).outcome.state).toBe("fixed");
});
