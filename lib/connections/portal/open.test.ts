import { eq } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import { database } from "@/lib/db/client";
import { connections } from "@/lib/db/schema/connections";
import { portalSessions } from "@/lib/db/schema/portal";
import { users } from "@/lib/db/schema/users";
import { withDatabase } from "@/lib/testing/with-database";
import { look } from "@/lib/connections/look/look";
import { checkPortal } from "./check";
import { withVisits } from "@/lib/testing/connections";

const { emulator, makePerson, loginBody } = withVisits();
withDatabase();

describe("reconnecting", () => {
  test("the login link is requested with reconnect and our return route, without a connection type", async () => {
    const { connectionId, open } = await makePerson("QUESTRADE");
    const { loginLink, view } = await open();
    expect(await loginBody(loginLink)).toEqual({
      reconnect: connectionId,
      immediateRedirect: true,
      customRedirect: `http://localhost:3000/portal/${view.portalSessionId}/return`,
      darkMode: false,
    });
  });

  test("the login link is never stored", async () => {
    const { open } = await makePerson("QUESTRADE");
    const { loginLink, view } = await open();
    const db = await database();
    const [row] = await db.select().from(portalSessions).where(eq(portalSessions.id, view.portalSessionId));
    expect(JSON.stringify(row)).not.toContain(new URL(loginLink).searchParams.get("token"));
  });

  test("a double click makes one portal session", async () => {
    const { open } = await makePerson("QUESTRADE");
    const opened = await Promise.all([open(), open(), open()]);
    expect(new Set(opened.map(({ view }) => view.portalSessionId)).size).toBe(1);
  });

  test("when the first half of a double click fails, the second half's portal counts", async () => {
    const { path, connectionId, open, check } = await makePerson("QUESTRADE");
    await emulator.post(`${path}/faults`, { endpoint: "login", kind: "status", status: 503, times: 1 });
    await emulator.post(`${path}/faults`, { endpoint: "login", kind: "delay", delayMs: 300, times: 1 });
    const clicks = await Promise.allSettled([open(), open()]);
    const opened = clicks.flatMap((click) => (click.status === "fulfilled" ? [click.value] : []));
    expect(opened).toHaveLength(1);
    const { portalSessionId } = opened[0]?.view ?? { portalSessionId: "" };
    expect((await check(portalSessionId)).outcome).toEqual({ state: "open" });
    await emulator.post(`${path}/advance`, { seconds: 2 });
    await emulator.post(`${path}/connections/${connectionId}/fix`);
    expect((await check(portalSessionId, { status: "SUCCESS" })).outcome.state).toBe("fixed");
  });

  test("two pages that open the portal have separate sessions, and leaving one doesn't end the other", async () => {
    const { path, connectionId, open, check } = await makePerson("QUESTRADE");
    const first = await open({ now: new Date(Date.now() - 60_000) });
    const second = await open();
    expect(second.view.portalSessionId).not.toBe(first.view.portalSessionId);
    expect((await check(second.view.portalSessionId, { status: "ABANDONED" })).outcome).toMatchObject({
      failure: "not-finished",
    });
    expect((await check(first.view.portalSessionId)).outcome).toEqual({ state: "open" });
    await emulator.post(`${path}/advance`, { seconds: 2 });
    await emulator.post(`${path}/connections/${connectionId}/fix`);
    expect((await check(first.view.portalSessionId, { status: "SUCCESS" })).outcome.state).toBe("fixed");
  });

  test("a page opened through a machine whose clock is behind has a session of its own", async () => {
    const { open } = await makePerson("QUESTRADE");
    const first = await open();
    const second = await open({ now: new Date(Date.now() - 30_000) });
    expect(second.view.portalSessionId).not.toBe(first.view.portalSessionId);
  });

  test("a click that reveals that SnapTrade no longer knows a connection also removes it from the page", async () => {
    const { userId, path, connectionId, open } = await makePerson("QUESTRADE");
    await emulator.post(`${path}/settings`, { reconnectUnknown: "1011" });
    const db = await database();
    const long = new Date(Date.now() - 3_600_000);
    await db
      .update(connections)
      .set({ firstObservedAt: long, connectedSince: long })
      .where(eq(connections.id, connectionId));
    await emulator.post(`${path}/connections/${connectionId}/delete`);
    await expect(open()).rejects.toMatchObject({ code: "not-found" });
    const [row] = await db
      .select({ state: connections.state })
      .from(connections)
      .where(eq(connections.userId, userId));
    expect(row?.state).toBe("deleted");
  });

  test("open pages hear when a session opens, is reported on, and ends", async () => {
    const { userId, open, check } = await makePerson("QUESTRADE");
    const db = await database();
    const version = async () =>
      (await db.select({ version: users.version }).from(users).where(eq(users.id, userId)))[0]?.version ?? 0;
    const versions = [await version()];
    const { view } = await open();
    versions.push(await version());
    await checkPortal({
      userId,
      portalSessionId: view.portalSessionId,
      reportedResult: { status: "ERROR", code: "1066" },
      over: false,
      now: new Date(),
    });
    versions.push(await version());
    await check(view.portalSessionId, { status: "ABANDONED" });
    versions.push(await version());
    expect(versions).toEqual([...new Set(versions)].sort((one, other) => one - other));
  });

  test.each(["renew", "allow-trading"] as const)(
    "a portal session to %s a working connection succeeds only when SnapTrade says that someone signed in",
    async (intent) => {
      const { userId, path, open, check } = await makePerson();
      const { id } = await emulator.post<{ id: string }>(`${path}/connections`, { brokerage: "ALPACA" });
      await look(userId);
      const { loginLink, view } = await open({ connectionId: id, intent });
      const body = await loginBody(loginLink);
      expect(body).toMatchObject({ reconnect: id });
      expect(body.connectionType).toBe(intent === "allow-trading" ? "trade" : undefined);
      await emulator.post(`${path}/advance`, { seconds: 5 });
      expect((await check(view.portalSessionId)).outcome).toEqual({ state: "open" });
      expect((await check(view.portalSessionId, { status: "SUCCESS" })).outcome).toEqual({
        state: "checking",
        signedIn: true,
      });
      await emulator.post(`${path}/connections/${id}/fix`);
      await emulator.post(`${path}/advance`, { seconds: 5 });
      expect((await check(view.portalSessionId, { status: "SUCCESS" })).outcome).toMatchObject({
        state: "fixed",
      });
    },
  );

  test("trading is never requested where the brokerage doesn't allow it", async () => {
    const { connectionId, open } = await makePerson("QUESTRADE");
    await expect(open({ connectionId, intent: "allow-trading" })).rejects.toMatchObject({
      code: "cannot-trade",
    });
  });

  test("the portal never opens for a working connection, another person's, or one at a withdrawn brokerage", async () => {
    const { userId, path, open } = await makePerson("QUESTRADE");
    const working = await emulator.post<{ id: string }>(`${path}/connections`, { brokerage: "ALPACA" });
    const stranger = await makePerson("ROBINHOOD");
    await look(userId);
    await expect(open({ connectionId: working.id })).rejects.toMatchObject({ code: "not-broken" });
    await expect(open({ connectionId: stranger.connectionId })).rejects.toMatchObject({ code: "not-found" });
    const snapTradeUserId = path.split("/").at(-1);
    await emulator.post(`${path}/advance`, { seconds: 3 });
    await emulator.post("/brokerages/QUESTRADE", { enabled: false, forUser: snapTradeUserId });
    await look(userId);
    await expect(open()).rejects.toMatchObject({ code: "cannot-reconnect" });
    await emulator.post(`${path}/advance`, { seconds: 3 });
    await emulator.post("/brokerages/QUESTRADE", { enabled: true, forUser: snapTradeUserId });
    await look(userId);
  });

  test("a login link that SnapTrade refuses leaves no open portal session", async () => {
    const { path, open } = await makePerson("QUESTRADE");
    await emulator.post(`${path}/faults`, { endpoint: "login", kind: "html502", times: 1 });
    await expect(open()).rejects.toMatchObject({ code: "snaptrade-away" });
    const { view } = await open();
    expect(view.outcome).toEqual({ state: "open" });
  });
});
