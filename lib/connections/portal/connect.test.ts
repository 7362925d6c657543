import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { withDatabase } from "@/lib/testing/with-database";
import { readBrokerages } from "@/lib/connections/look/brokerages";
import { look } from "@/lib/connections/look/look";
import { openConnect } from "./open";
import { continueQueue, getQueueView, skipInQueue } from "./queue";
import { withVisits } from "@/lib/testing/connections";

const { emulator, makePerson, loginBody } = withVisits();
withDatabase();

describe("connecting another brokerage", () => {
  test("a person with a disabled connection there is offered its repair, unless it is a different login", async () => {
    const { userId, path, check } = await makePerson("QUESTRADE");
    await readBrokerages(new Date());
    const request = { userId, brokerage: "QUESTRADE", darkMode: false, now: new Date() };
    await expect(openConnect({ ...request, beside: false })).rejects.toMatchObject({
      code: "already-connected",
    });
    const { loginLink, view } = await openConnect({ ...request, beside: true });
    expect(await loginBody(loginLink)).toMatchObject({ broker: "QUESTRADE" });
    await emulator.post(`${path}/advance`, { seconds: 2 });
    const { id } = await emulator.post<{ id: string }>(`${path}/connections`, { brokerage: "QUESTRADE" });
    expect((await check(view.portalSessionId, { status: "SUCCESS" })).outcome).toMatchObject({
      state: "connected",
      connectionId: id,
    });
  });

  async function connectAt(brokerage: string) {
    const person = await makePerson();
    const { id: oldId } = await emulator.post<{ id: string }>(`${person.path}/connections`, { brokerage });
    await look(person.userId);
    await readBrokerages(new Date());
    await emulator.post(`${person.path}/advance`, { seconds: 5 });
    const connect = () =>
      openConnect({ userId: person.userId, brokerage, beside: false, darkMode: false, now: new Date() });
    return { ...person, oldId, connect };
  }

  test("a reported success without a new connection never presents an old one as new", async () => {
    const { check, connect } = await connectAt("QUESTRADE");
    const { view } = await connect();
    expect((await check(view.portalSessionId, { status: "SUCCESS" })).outcome).toEqual({
      state: "checking",
      signedIn: true,
    });
    const later = new Date(Date.now() + 61_000);
    expect((await check(view.portalSessionId, null, later)).outcome).toMatchObject({
      state: "failed",
      failure: "no-new-connection",
    });
  });

  test("a connection that SnapTrade lists under a sibling of the brokerage is found", async () => {
    const { path, check, connect } = await connectAt("QUESTRADE");
    const { view } = await connect();
    await emulator.post(`${path}/advance`, { seconds: 5 });
    const { id } = await emulator.post<{ id: string }>(`${path}/connections`, { brokerage: "ALPACA" });
    expect(await check(view.portalSessionId, { status: "SUCCESS" })).toMatchObject({
      brokerage: { slug: "ALPACA" },
      outcome: { state: "connected", connectionId: id },
    });
  });

  test("a new connection belongs to only one of two portal sessions", async () => {
    const { path, check, connect } = await connectAt("QUESTRADE");
    const [first, second] = [await connect(), await connect()];
    await emulator.post(`${path}/advance`, { seconds: 5 });
    await emulator.post(`${path}/connections`, { brokerage: "QUESTRADE" });
    expect((await check(second.view.portalSessionId, { status: "SUCCESS" })).outcome.state).toBe("connected");
    expect((await check(first.view.portalSessionId)).outcome).toEqual({ state: "open" });
  });
});

describe("the queue", () => {
  test("goes through the broken connections, remembers what was skipped, and resumes", async () => {
    const { userId, ids } = await makePerson("QUESTRADE", "ROBINHOOD", "WEALTHSIMPLETRADE");
    const first = await continueQueue(userId, new Date());
    expect(ids).toContain(first.connectionId);
    expect(await continueQueue(userId, new Date())).toEqual(first);
    await skipInQueue(userId, first.queueId, first.connectionId);
    const second = await continueQueue(userId, new Date());
    expect(second.queueId).toBe(first.queueId);
    expect(second.connectionId).not.toBe(first.connectionId);
  });

  test("a break after a queue begins another one, so that nobody reads of more than what needs them", async () => {
    const { userId, path, ids } = await makePerson("QUESTRADE", "ROBINHOOD");
    const { queueId } = await continueQueue(userId, new Date());
    for (const id of ids) await emulator.post(`${path}/connections/${id}/fix`);
    await emulator.post(`${path}/advance`, { seconds: 60 });
    await look(userId);
    await emulator.post(`${path}/connections/${ids[0] ?? ""}/break`);
    await emulator.post(`${path}/advance`, { seconds: 60 });
    await look(userId);
    const later = await continueQueue(userId, new Date());
    expect(later.connectionId).toBe(ids[0]);
    expect((await getQueueView(userId, later.queueId, null))?.entries).toHaveLength(1);
    expect(later.queueId).not.toBe(queueId);
  });

  test("another person's queue is not found, and nothing to reconnect makes no queue", async () => {
    const owner = await makePerson("QUESTRADE");
    const stranger = await makePerson();
    const { queueId } = await continueQueue(owner.userId, new Date());
    await expect(skipInQueue(stranger.userId, queueId, owner.connectionId)).rejects.toMatchObject({
      code: "not-found",
    });
    await expect(skipInQueue(owner.userId, queueId, randomUUID())).rejects.toMatchObject({
      code: "not-found",
    });
    await expect(continueQueue(stranger.userId, new Date())).rejects.toMatchObject({
      code: "nothing-to-reconnect",
    });
  });
});
