import { eq, inArray, sql } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach } from "vitest";
import { database } from "@/lib/db/client";
import { brokerageQuarters, incidents, quarterMarks } from "@/lib/db/schema/incidents";
import { connections, episodes } from "@/lib/db/schema/connections";
import { snapTradeUsers, users, watchedChanges } from "@/lib/db/schema/users";
import { makeUser } from "./with-database";
import { rounds, snapTradeCalls, snapTradeLimits } from "@/lib/db/schema/work";
import { testSettings } from "./unique";
import { startEmulator } from "../../e2e/emulator/server/server";
import { listConnectionViews } from "@/lib/connections/pages/list";
import { look } from "@/lib/connections/look/look";
import { openReconnect } from "@/lib/connections/portal/open";
import { checkPortal } from "@/lib/connections/portal/check";
import type { ReportedResult } from "@/lib/connections/views";
import { requireSnapTradeCredentials } from "@/lib/connections/observations/snaptrade-user";

type Emulator = Awaited<ReturnType<typeof startEmulator>>;

/** Points the code under test at its own emulator; returns the controls of that emulator. */
export function withEmulator() {
  let emulator: Emulator;
  beforeAll(async () => {
    emulator = await startEmulator({ port: 0, smtpPort: 0 });
    Object.assign(process.env, testSettings, {
      SNAPTRADE_CLIENT_ID: emulator.clientId,
      SNAPTRADE_CONSUMER_KEY: emulator.consumerKey,
      SNAPTRADE_API_URL: emulator.url,
      SNAPTRADE_PORTAL_ORIGINS: emulator.portalUrl,
      SMTP_URL: emulator.smtpUrl,
    });
  });
  afterAll(() => emulator.close());

  return {
    async post<T>(path: string, body: object = {}): Promise<T> {
      const answer = await fetch(`${emulator.url}/control/api${path}`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
      });
      if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`);
      return (await answer.json()) as T;
    },
    async get<T>(path: string): Promise<T> {
      const answer = await fetch(`${emulator.url}/control/api${path}`);
      if (!answer.ok) throw new Error(`${path} answered ${answer.status}`);
      return (await answer.json()) as T;
    },
    async clearFaults(path: string) {
      await fetch(`${emulator.url}/control/api${path}`, { method: "DELETE" });
    },
  };
}

/** A person without connections who can make some at SnapTrade, and the statuses that their page shows. */
export function withConnecting() {
  const emulator = withEmulator();
  const moment = () => ({ now: new Date(), dayStartedAt: new Date(new Date().setHours(0, 0, 0, 0)) });

  async function makePerson() {
    const userId = await makeUser({ registered: false });
    const { snapTradeUserId } = await requireSnapTradeCredentials(userId, new Date());
    const path = `/users/${snapTradeUserId}`;
    const connect = (more: object = {}) =>
      emulator.post<{ id: string }>(`${path}/connections`, { brokerage: "QUESTRADE", ...more });
    return { userId, path, connect };
  }

  async function statusOfAll(userId: string) {
    const { connections: views } = await listConnectionViews(userId, moment());
    return views.map(({ status }) => status);
  }

  return { emulator, moment, makePerson, statusOfAll };
}

/** People with broken connections, and what a page calls for them around a portal session. */
export function withVisits() {
  const emulator = withEmulator();

  async function makePerson(...broken: string[]) {
    const userId = await makeUser({ registered: false });
    const { snapTradeUserId } = await requireSnapTradeCredentials(userId, new Date());
    const path = `/users/${snapTradeUserId}`;
    const ids: string[] = [];
    for (const brokerage of broken)
      ids.push(
        (await emulator.post<{ id: string }>(`${path}/connections`, { brokerage, disabled: true })).id,
      );
    await look(userId);
    const connectionId = ids[0] ?? "";
    const open = (more: object = {}) =>
      openReconnect({ userId, connectionId, darkMode: false, now: new Date(), ...more });
    const check = (portalSessionId: string, reportedResult: ReportedResult | null = null, now = new Date()) =>
      checkPortal({ userId, portalSessionId, reportedResult, over: reportedResult !== null, now });
    return { userId, path, ids, connectionId, open, check };
  }

  /** The body of the request that created a login link. */
  async function loginBody(loginLink: string) {
    const sessionId = new URL(loginLink).searchParams.get("sessionId") ?? "";
    return (await emulator.get<{ body: Record<string, unknown> }>(`/sessions/${sessionId}`)).body;
  }

  return { emulator, makePerson, loginBody };
}

const minuteMs = 60_000;

/** An emulator and database that start fresh for each test, with people in them, ready for a round. */
export function withWorld() {
  const emulator = withEmulator();

  beforeEach(async () => {
    await emulator.post("/reset");
    await emulator.post("/settings", { rateLimit: 100_000 });
    const db = await database();
    await db.execute(
      sql`truncate ${users}, ${snapTradeCalls}, ${incidents}, ${watchedChanges}, ${quarterMarks}, ${brokerageQuarters} cascade`,
    );
    await db.update(snapTradeLimits).set({ perMinute: 100_000, remaining: null, blockedUntil: null });
    await db
      .update(rounds)
      .set({ lockedUntil: new Date(0), upSince: new Date(0), endedAt: new Date(), watched: 0 });
  });

  /** A person with a working connection at each of these brokerages, looked at once. */
  async function makePerson(brokerages: string[] = ["QUESTRADE"]) {
    const userId = await makeUser({ registered: false });
    const { snapTradeUserId } = await requireSnapTradeCredentials(userId, new Date());
    const path = `/users/${snapTradeUserId}`;
    const ids: string[] = [];
    for (const brokerage of brokerages)
      ids.push((await emulator.post<{ id: string }>(`${path}/connections`, { brokerage })).id);
    await look(userId);
    return { userId, path, ids };
  }

  /** Creates many people, as many at a time as the database handles. */
  async function makePeople(count: number) {
    const people: Awaited<ReturnType<typeof makePerson>>[] = [];
    while (people.length < count)
      people.push(
        ...(await Promise.all(
          Array.from({ length: Math.min(25, count - people.length) }, () => makePerson()),
        )),
      );
    return people;
  }

  return { emulator, makePerson, makePeople };
}

/**
 * Backdates all of this person's connections by an hour: a new connection that a list lacks is never
 * considered deleted.
 */
export async function grow(userId: string) {
  const long = new Date(Date.now() - 60 * minuteMs);
  const db = await database();
  await db
    .update(connections)
    .set({ firstObservedAt: long, connectedSince: long })
    .where(eq(connections.userId, userId));
}

/** Who noticed the breaks of these connections. */
export async function noticed(ids: string[]) {
  const db = await database();
  const rows = await db.select().from(episodes).where(inArray(episodes.connectionId, ids));
  return rows.map(({ noticedBy }) => noticedBy);
}

/** Pretends that ten minutes have passed since each person was last looked at. */
export async function forgetLooks() {
  const db = await database();
  const long = new Date(Date.now() - 10 * minuteMs);
  await db.update(snapTradeUsers).set({ lookedAt: long, lookFailedAt: null, nextLookAt: long });
  await db.update(rounds).set({ lockedUntil: new Date(0) });
}
