import { eq } from "drizzle-orm";
import { beforeAll, describe, expect, test } from "vitest";
import { startOfDay } from "@/lib/base/times";
import { look } from "@/lib/connections/look/look";
import { observe } from "@/lib/connections/observations/observe";
import { database } from "@/lib/db/client";
import { events } from "@/lib/db/schema/events";
import { fixSessions } from "@/lib/db/schema/fix-sessions";
import { withVisits } from "@/lib/testing/connections";
import { withDatabase } from "@/lib/testing/with-database";
import { endDueSessions } from "@/lib/fix-sessions/ending/due";
import { createFixSession } from "./create";
import { getFixSession } from "./get";
import { openStep } from "./open";
import { getFixPage, giveUp } from "./page";

const { emulator, makePerson } = withVisits();
withDatabase();
beforeAll(() => emulator.post("/settings", { rateLimit: 100_000 }));

const moment = (now = new Date()) => ({
  now,
  dayStartedAt: startOfDay({ locale: "en-GB", timeZone: "UTC", zoneKnown: true }, now),
});
const later = (days: number) => new Date(Date.now() + days * 86_400_000);

async function start(person: Awaited<ReturnType<typeof makePerson>>, connectionId?: string) {
  const { userId, path } = person;
  const { id } = await createFixSession({ userId, connectionId, now: new Date() });
  const visit = (more: object = {}) =>
    openStep({ userId, step: { fixSessionId: id, ...more }, darkMode: false, now: new Date() });
  const repair = async (which: string) => {
    await emulator.post(`${path}/advance`, { seconds: 2 });
    await emulator.post(`${path}/connections/${which}/fix`);
  };
  const status = async (now?: Date) => getFixSession(id, now ?? new Date());
  return { id, visit, repair, status };
}

/** What the company's servers are sent about the end of a session. */
async function completedEvents(id: string) {
  const db = await database();
  const found = await db.select().from(events).where(eq(events.type, "fix_session.completed"));
  const sent = found.map(({ data }) => data as { fix_session: { id: string } });
  return sent.map((data) => data.fix_session).filter((session) => session.id === id);
}

describe("a fix session", () => {
  test("is fixed when SnapTrade confirms the repair of its own visit, with the same connection", async () => {
    const person = await makePerson("QUESTRADE");
    const { id, visit, repair, status } = await start(person, person.connectionId);
    expect(await status()).toMatchObject({ status: "pending", openedAt: null });
    expect(await getFixPage(person.userId, id, moment())).toMatchObject({
      session: { status: "opened" },
      steps: [{ id: person.connectionId }],
    });
    const { view } = await visit();
    expect(view).toMatchObject({ fixSessionId: id, connectionId: person.connectionId });
    await repair(person.connectionId);
    expect((await status())?.status).toBe("opened");
    await person.check(view.portalSessionId, { status: "SUCCESS" });
    expect(await status()).toMatchObject({
      status: "fixed",
      reason: "done",
      doneIds: [person.connectionId],
      failure: null,
    });
    expect(await completedEvents(id)).toMatchObject([
      {
        status: "fixed",
        outcome: "fixed",
        reason: "done",
        failure: null,
        failure_code: null,
        repaired_connection_ids: [person.connectionId],
      },
    ]);
    await expect(visit()).rejects.toMatchObject({ code: "fix-session-over" });
  });

  test("is fixed as well when the timer finds the repair and the browser never came back", async () => {
    const person = await makePerson("QUESTRADE");
    const { visit, repair, status } = await start(person);
    await visit();
    await repair(person.connectionId);
    await look(person.userId, new Date(), "timer");
    expect((await status())?.status).toBe("fixed");
  });

  test("isn't over on an event's word while SnapTrade can be read: the read decides", async () => {
    const person = await makePerson("QUESTRADE");
    const { visit, repair, status } = await start(person, person.connectionId);
    const { view } = await visit();
    const event = { state: "enabled", answeredAt: null, disabledAt: null, source: "webhook" } as const;
    const { connectionId } = person;
    const observedAt = new Date(Date.now() + 1_500);
    await observe(person.userId, [{ ...event, connectionId, observedAt, recordedAt: new Date() }]);
    expect((await status())?.status).toBe("pending");
    await repair(connectionId);
    await person.check(view.portalSessionId, { status: "SUCCESS" });
    expect((await status())?.status).toBe("fixed");
  });

  test("leads through everything that needs the person, and is fixed after the last of it", async () => {
    const person = await makePerson("QUESTRADE", "ROBINHOOD");
    const { id, visit, repair, status } = await start(person);
    const first = await visit();
    await repair(first.view.connectionId ?? "");
    await person.check(first.view.portalSessionId, { status: "SUCCESS" });
    expect((await status())?.status).toBe("pending");
    expect((await getFixPage(person.userId, id, moment()))?.steps).toHaveLength(1);
    const second = await visit();
    expect(second.view.connectionId).not.toBe(first.view.connectionId);
    await repair(second.view.connectionId ?? "");
    await person.check(second.view.portalSessionId, { status: "SUCCESS" });
    const ended = await status();
    expect(ended?.status).toBe("fixed");
    expect(ended?.doneIds.toSorted()).toEqual(person.ids.toSorted());
  });

  test("of two tabs, one repairs, and what the other reports afterwards changes nothing", async () => {
    const person = await makePerson("QUESTRADE");
    const { visit, repair, status } = await start(person, person.connectionId);
    const one = await visit();
    const other = await openStepLater(person.userId, one.view.fixSessionId ?? "");
    await repair(person.connectionId);
    await person.check(one.view.portalSessionId, { status: "SUCCESS" });
    const ended = await status();
    await person.check(other.view.portalSessionId, { status: "ERROR", code: "1066" });
    expect(await status()).toEqual(ended);
    expect(ended?.status).toBe("fixed");
  });

  test("that stops again stays over: the next break needs a new link", async () => {
    const person = await makePerson("QUESTRADE");
    const { visit, repair, status } = await start(person);
    const { view } = await visit();
    await repair(person.connectionId);
    await person.check(view.portalSessionId, { status: "SUCCESS" });
    const ended = await status();
    await emulator.post(`${person.path}/advance`, { seconds: 60 });
    await emulator.post(`${person.path}/connections/${person.connectionId}/break`);
    await look(person.userId);
    expect(await status()).toEqual(ended);
    await start(person);
  });
});

/** A second tab, beyond what counts as a double click. */
const openStepLater = (userId: string, fixSessionId: string) =>
  openStep({ userId, step: { fixSessionId }, darkMode: false, now: new Date(Date.now() + 5_000) });

describe("a fix session without success", () => {
  test("ends as not needed when the connection works again before anyone comes", async () => {
    const person = await makePerson("QUESTRADE");
    const { repair, status, id } = await start(person, person.connectionId);
    await repair(person.connectionId);
    await look(person.userId);
    expect(await status()).toMatchObject({ status: "expired", reason: "not-needed", doneIds: [] });
    expect((await getFixPage(person.userId, id, moment()))?.session.openedAt).toBeNull();
  });

  test("ends when SnapTrade has deleted the connection", async () => {
    const person = await makePerson("QUESTRADE");
    const { status } = await start(person, person.connectionId);
    await observe(person.userId, [
      {
        connectionId: person.connectionId,
        state: "deleted",
        observedAt: new Date(Date.now() + 1_000),
        answeredAt: null,
        disabledAt: null,
        source: "webhook",
        recordedAt: new Date(),
      },
    ]);
    expect(await status()).toMatchObject({ status: "expired", reason: "removed" });
  });

  test("says how the last visit failed once it is given up, and only then", async () => {
    const person = await makePerson("QUESTRADE");
    const { id, visit, status } = await start(person, person.connectionId);
    const { view } = await visit();
    await person.check(view.portalSessionId, { status: "ERROR", code: "1066" });
    expect(await status()).toMatchObject({ status: "pending", failure: null });
    await giveUp(person.userId, id, new Date());
    expect(await status()).toMatchObject({
      status: "failed",
      reason: "given-up",
      failure: { reason: "sign-in-refused", code: "1066" },
    });
    expect(await completedEvents(id)).toEqual([
      {
        id,
        status: "failed",
        outcome: "failed",
        reason: "given-up",
        failure: "sign-in-refused",
        failure_code: "1066",
        repaired_connection_ids: [],
        made_connection_ids: [],
      },
    ]);
  });

  test("expires when its time is over, but never under someone in the portal", async () => {
    const person = await makePerson("QUESTRADE");
    const [unused, used] = [await start(person), await start(person)];
    const { view } = await used.visit();
    await endDueSessions(later(8));
    expect(await unused.status()).toMatchObject({ status: "expired", reason: "timed-out" });
    expect((await used.status(later(8)))?.status).toBe("pending");
    await person.check(view.portalSessionId, { status: "ABANDONED" });
    expect(await used.status(later(8))).toMatchObject({
      status: "failed",
      failure: { reason: "not-finished", code: null },
    });
  });

  test("is nobody else's: not to see, to use, or to give up", async () => {
    const [owner, stranger] = [await makePerson("QUESTRADE"), await makePerson("QUESTRADE")];
    const { id, status } = await start(owner);
    expect(await getFixPage(stranger.userId, id, moment())).toBeNull();
    const step = { fixSessionId: id };
    await expect(
      openStep({ userId: stranger.userId, step, darkMode: false, now: new Date() }),
    ).rejects.toMatchObject({ code: "not-found" });
    expect(await giveUp(stranger.userId, id, new Date())).toBeNull();
    expect(await status()).toMatchObject({ status: "pending", openedAt: null });
    const db = await database();
    expect((await db.select().from(fixSessions).where(eq(fixSessions.id, id)))[0]?.endedAt).toBeNull();
  });
});
