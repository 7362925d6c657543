import { createHmac, randomUUID } from "node:crypto";
import { asc, eq } from "drizzle-orm";
import { signEvent, writeBody, type BodyForm } from "../../e2e/emulator/webhooks/body";
import { database } from "@/lib/db/client";
import type { Observation } from "@/lib/connections/observations/project";
import { brokerages, connections, episodes, observations } from "@/lib/db/schema/connections";
import { snapTradeUsers } from "@/lib/db/schema/users";
import { inboxEvents, webhookEvents } from "@/lib/db/schema/webhooks";
import { makeUser } from "./with-database";
import { testSettings } from "./unique";
import { receiveEvent } from "@/lib/webhooks/inbox";

export type Members = Record<string, unknown>;

/** An event as SnapTrade posts it, with the given members. */
export function makeEvent(eventType: string, happenedAt: Date, members: Members = {}): Members {
  return {
    webhookId: randomUUID(),
    clientId: testSettings.SNAPTRADE_CLIENT_ID,
    eventTimestamp: happenedAt.toISOString().replace("Z", "123+00:00"),
    eventType,
    webhookSecret: "a shared secret",
    ...members,
  };
}

/** Posts an event the way SnapTrade does, signed by the emulator's code and not by ours. */
export function deliver(event: Members, options: { now?: Date; key?: string; form?: BodyForm } = {}) {
  const { now = new Date(), key = testSettings.SNAPTRADE_CONSUMER_KEY, form = "compact" } = options;
  return receiveEvent(Buffer.from(writeBody(event, form)), signEvent(key, event), now);
}

/** Posts an event as JavaScript serializes it, unpaired surrogates included, signed over the exact bytes. */
export function deliverBytes(event: Members) {
  const body = Buffer.from(JSON.stringify(event));
  return receiveEvent(
    body,
    createHmac("sha256", testSettings.SNAPTRADE_CONSUMER_KEY).update(body).digest("base64"),
  );
}

const brokerageId = randomUUID();

/** A SnapTrade user with working connections, all observed at `since`. */
export async function makeConnections(count: number, since: Date) {
  const db = await database();
  const userId = await makeUser();
  const [{ snapTradeUserId } = { snapTradeUserId: "" }] = await db
    .select()
    .from(snapTradeUsers)
    .where(eq(snapTradeUsers.userId, userId));
  const flags = { enabled: true, maintenance: false, degraded: false };
  await db
    .insert(brokerages)
    .values({ id: brokerageId, slug: "QUESTRADE", name: "Questrade", ...flags, observedAt: since })
    .onConflictDoNothing();
  const state = { state: "enabled" as const, observedAt: since };
  const rows = Array.from({ length: count }, () => ({
    id: randomUUID(),
    userId,
    brokerageId,
    access: "read" as const,
    ...state,
  }));
  await db.insert(connections).values(rows);
  await db.update(snapTradeUsers).set({ watched: true }).where(eq(snapTradeUsers.userId, userId));
  await db
    .insert(observations)
    .values(
      rows.map(({ id }) => ({ connectionId: id, ...state, source: "person" as const, recordedAt: since })),
    );
  return { userId, snapTradeUserId, brokerageId, ids: rows.map(({ id }) => id) };
}

/** The stored event, in the inbox or processed; undefined if there is none. */
export async function storedEvent(event: Members) {
  const db = await database();
  const id = String(event.webhookId);
  const [waiting] = await db.select().from(inboxEvents).where(eq(inboxEvents.id, id));
  const [done] = await db.select().from(webhookEvents).where(eq(webhookEvents.id, id));
  if (waiting && done) throw new Error("The event is stored twice");
  if (waiting) return { outcome: null, ...waiting };
  return done && { ...done, state: "done" as const, runAt: null, lockedUntil: null, lastError: null };
}

const start = Date.parse("2026-11-17T09:00:00Z");
/** Seconds after the time at which these tests begin. */
export const at = (seconds: number) => new Date(start + seconds * 1000);
export const minutes = (n: number) => n * 60;

export type State = Observation["state"];
const typeOf: Record<State, string> = {
  enabled: "CONNECTION_FIXED",
  disabled: "CONNECTION_BROKEN",
  deleted: "CONNECTION_DELETED",
};

interface Owner {
  snapTradeUserId: string;
}

/** An event in which SnapTrade reports the state of one connection. */
export const about = (
  { snapTradeUserId }: Owner,
  connectionId: string | undefined,
  state: State,
  seconds: number,
) =>
  makeEvent(typeOf[state], at(seconds), { userId: snapTradeUserId, brokerageAuthorizationId: connectionId });

/** The stored state of a connection, with its episodes. */
export async function known(connectionId: string | undefined) {
  const db = await database();
  const [row] = await db
    .select({
      state: connections.state,
      observedAt: connections.observedAt,
      lastHeartbeatAt: connections.lastHeartbeatAt,
    })
    .from(connections)
    .where(eq(connections.id, connectionId ?? ""));
  const rows = await db
    .select({ brokeAt: episodes.brokeAt, endedAt: episodes.endedAt, noticedBy: episodes.noticedBy })
    .from(episodes)
    .where(eq(episodes.connectionId, connectionId ?? ""))
    .orderBy(asc(episodes.brokeAt));
  return { ...row, episodes: rows };
}

/** How many events are stored, in the inbox or processed. */
export async function countEvents(): Promise<number> {
  const db = await database();
  return (await db.$count(inboxEvents)) + (await db.$count(webhookEvents));
}

/** When a look at this person is due; null if none was requested. */
export async function lookDueAt(userId: string): Promise<Date | null> {
  const db = await database();
  const [row] = await db
    .select({ dueAt: snapTradeUsers.lookDueAt })
    .from(snapTradeUsers)
    .where(eq(snapTradeUsers.userId, userId));
  return row?.dueAt ?? null;
}
