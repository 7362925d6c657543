import { randomUUID } from "node:crypto";
import { eq } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import { readVisitorSession, readSession } from "@/lib/auth/sessions";
import { readBrokerages } from "@/lib/connections/look/brokerages";
import { look } from "@/lib/connections/look/look";
import { database } from "@/lib/db/client";
import { sessions } from "@/lib/db/schema/auth";
import { fixSessions } from "@/lib/db/schema/fix-sessions";
import { users } from "@/lib/db/schema/users";
import { withVisits } from "@/lib/testing/connections";
import { withDatabase } from "@/lib/testing/with-database";
import { findLink } from "@/lib/fix-sessions/links/find";
import { redeemLink } from "@/lib/fix-sessions/links/sign-in";
import { createConnectSession, createFixSession } from "./create";
import { getFixSession } from "./get";
import { openStep } from "./open";

const { emulator, makePerson } = withVisits();
withDatabase();

const tokenOf = (url: string) => url.split("/").at(-1) ?? "";
const after = (seconds: number) => new Date(Date.now() + seconds * 1_000);

describe("making a link", () => {
  test("is refused for what needs no repair, isn't theirs, or leads elsewhere", async () => {
    const [owner, other] = [await makePerson("QUESTRADE"), await makePerson()];
    const make = (more: object) => createFixSession({ userId: owner.userId, now: new Date(), ...more });
    for (const [more, code] of [
      [{ userId: other.userId }, "nothing-to-reconnect"],
      [{ userId: other.userId, connectionId: owner.connectionId }, "not-found"],
      [{ returnUrl: "https://evil.example/" }, "return-url-not-allowed"],
      [{ expiresInSeconds: 59 }, "invalid-input"],
      [{ expiresInSeconds: 30 * 86_400 + 1 }, "invalid-input"],
      [{ expiresInSeconds: Number.NaN }, "invalid-input"],
    ] as const)
      await expect(make(more), code).rejects.toMatchObject({ code });
    const { id } = await emulator.post<{ id: string }>(`${owner.path}/connections`, { brokerage: "KRAKEN" });
    await expect(make({ connectionId: id })).rejects.toMatchObject({ code: "not-found" });
  });

  test("keeps only a hash of the token, for up to thirty days", async () => {
    const { userId } = await makePerson("QUESTRADE");
    const now = new Date();
    const made = await createFixSession({ userId, expiresInSeconds: 30 * 86_400, now });
    expect(made.expiresAt.getTime() - now.getTime()).toBe(30 * 86_400_000);
    const rows = await (await database()).select().from(fixSessions).where(eq(fixSessions.userId, userId));
    expect(JSON.stringify(rows)).not.toContain(tokenOf(made.url));
    expect(await findLink(tokenOf(made.url), now)).toEqual({
      id: made.id,
      userId,
      isOver: false,
      signsIn: false,
      wasUsed: false,
    });
    expect(await findLink(made.id, now)).toBeNull();
  });

  test("again, because the first answer was lost, makes one that lives as long as it says", async () => {
    const { userId } = await makePerson("QUESTRADE");
    const id = randomUUID();
    const make = (now: Date) => createFixSession({ id, userId, expiresInSeconds: 60, now });
    const lost = await make(new Date());
    const again = await make(after(50));
    expect(again.id).toBe(id);
    expect(await findLink(tokenOf(lost.url), new Date())).toBeNull();
    expect(await getFixSession(id, after(100))).toMatchObject({ endedAt: null, expiresAt: again.expiresAt });
    expect(await getFixSession(id, after(120))).toMatchObject({ status: "expired" });
    const anew = await make(after(130));
    expect(await findLink(tokenOf(anew.url), after(140))).toMatchObject({ id: anew.id, isOver: false });
  });

  test("again and again ends the oldest", async () => {
    const { userId } = await makePerson("QUESTRADE");
    const ids: string[] = [];
    for (let made = 0; made < 21; made++)
      ids.push((await createFixSession({ userId, now: new Date(Date.now() + made) })).id);
    expect(await getFixSession(ids[0] ?? "", new Date())).toMatchObject({
      status: "expired",
      reason: "replaced",
    });
    expect(await getFixSession(ids[1] ?? "", new Date())).toMatchObject({ status: "pending" });
  });
});

describe("a link that signs in", () => {
  const make = (userId: string, signIn = true) =>
    createFixSession({ userId, signIn, now: new Date() }).then(({ id, url }) => ({
      id,
      token: tokenOf(url),
    }));

  test("does so once, for its fix session only, for ten minutes", async () => {
    const { userId } = await makePerson("QUESTRADE");
    const { id, token } = await make(userId);
    const both = await Promise.all([1, 2].map(() => redeemLink(token, "", new Date())));
    const [visitor, ...others] = both.filter((one) => one !== null);
    expect(others).toEqual([]);
    expect(await readVisitorSession(visitor?.token ?? "", new Date())).toMatchObject({
      user: { id: userId },
      fixSessionId: id,
    });
    expect(await readVisitorSession(visitor?.token ?? "", after(601))).toBeNull();
    expect(await redeemLink(token, "", new Date())).toBeNull();
    expect(await findLink(token, new Date())).toMatchObject({ id, signsIn: false });
  });

  test("makes no full session, whatever reads it: not even a query that forgets to ask", async () => {
    const { userId } = await makePerson("QUESTRADE");
    const visitor = await redeemLink((await make(userId)).token, "", new Date());
    expect(await readSession(visitor?.token ?? "", new Date())).toBeNull();
    const db = await database();
    await db.update(sessions).set({ fixSessionId: null, expiresAt: null }).where(eq(sessions.userId, userId));
    expect(await readSession(visitor?.token ?? "", new Date())).toBeNull();
  });

  test("doesn't when it is an ordinary link, unknown, too old, or its person is leaving", async () => {
    const { userId } = await makePerson("QUESTRADE");
    expect(await redeemLink((await make(userId, false)).token, "", new Date())).toBeNull();
    expect(await redeemLink("made-up", "", new Date())).toBeNull();
    const { token } = await make(userId);
    expect(await redeemLink(token, "", after(8 * 86_400))).toBeNull();
    const db = await database();
    await db.update(users).set({ deletionRequestedAt: new Date() }).where(eq(users.id, userId));
    expect(await redeemLink(token, "", new Date())).toBeNull();
  });
});

describe("a link for a new connection", () => {
  test("leads to repairing what is there first, and ends with either", async () => {
    const person = await makePerson("QUESTRADE");
    const { userId, path, check } = person;
    await readBrokerages(new Date());
    const connect = async () =>
      (await createConnectSession({ userId, brokerage: "QUESTRADE", now: new Date() })).id;
    const visit = (fixSessionId: string, more: object = {}) =>
      openStep({ userId, step: { fixSessionId, ...more }, darkMode: false, now: new Date() });
    const [one, other] = [await connect(), await connect()];
    await expect(visit(one)).rejects.toMatchObject({ code: "already-connected" });

    const beside = await visit(one, { beside: "yes" });
    await emulator.post(`${path}/advance`, { seconds: 2 });
    const { id } = await emulator.post<{ id: string }>(`${path}/connections`, { brokerage: "QUESTRADE" });
    await check(beside.view.portalSessionId, { status: "SUCCESS" });
    expect(await getFixSession(one, new Date())).toMatchObject({ status: "connected", doneIds: [id] });

    const instead = await visit(other, { connectionId: person.connectionId });
    await emulator.post(`${path}/advance`, { seconds: 2 });
    await emulator.post(`${path}/connections/${person.connectionId}/fix`);
    await check(instead.view.portalSessionId, { status: "SUCCESS" });
    expect(await getFixSession(other, new Date())).toMatchObject({
      status: "fixed",
      doneIds: [person.connectionId],
    });
  });

  test("repairs nothing at another brokerage", async () => {
    const { userId, path } = await makePerson("QUESTRADE");
    await readBrokerages(new Date());
    const other = { brokerage: "KRAKEN", disabled: true };
    const { id: connectionId } = await emulator.post<{ id: string }>(`${path}/connections`, other);
    await look(userId);
    const now = new Date();
    const { id } = await createConnectSession({ userId, brokerage: "QUESTRADE", now });
    const step = { fixSessionId: id, connectionId };
    await expect(openStep({ userId, step, darkMode: false, now })).rejects.toMatchObject({
      code: "not-found",
    });
  });

  test("may leave the brokerage to the person", async () => {
    const { userId } = await makePerson();
    await readBrokerages(new Date());
    const now = new Date();
    const { id } = await createConnectSession({ userId, now });
    const step = { fixSessionId: id };
    await expect(openStep({ userId, step, darkMode: false, now })).rejects.toMatchObject({
      code: "invalid-input",
    });
    const opened = await openStep({ userId, step: { ...step, brokerage: "KRAKEN" }, darkMode: false, now });
    expect(opened.view).toMatchObject({ intent: "connect", fixSessionId: id });
    await expect(createConnectSession({ userId, brokerage: "NOWHERE", now })).rejects.toMatchObject({
      code: "brokerage-unknown",
    });
  });
});
