import "server-only";
import { inArray, sql } from "drizzle-orm";
import { findFormers, recordFormerDeleted, type FormerUser } from "@/lib/account/former-users";
import {
  lockConnections,
  observeAll,
  type LockedConnection,
  type OwnedObservation,
} from "@/lib/connections/observations/observe";
import type { Observation } from "@/lib/connections/observations/project";
import { recordUserDeleted } from "@/lib/connections/observations/gone";
import { requestLooks } from "@/lib/connections/observations/snaptrade-user";
import { listOwnersInPortal, recordSignIns, recordUpdates } from "@/lib/connections/portal/sign-in-result";
import type { Transaction } from "@/lib/db/database";
import { uuids } from "@/lib/db/recordset";
import { connections } from "@/lib/db/schema/connections";
import { snapTradeUsers } from "@/lib/db/schema/users";
import { inboxEvents, type webhookEvents } from "@/lib/db/schema/webhooks";
import { env } from "@/lib/base/env";
import { idDays } from "./retention";

/** The columns needed to process an event; the payload is only for people to read. */
export const eventColumns = {
  id: inboxEvents.id,
  type: inboxEvents.type,
  snapTradeUserId: inboxEvents.snapTradeUserId,
  clientId: inboxEvents.clientId,
  connectionId: inboxEvents.connectionId,
  brokerageId: inboxEvents.brokerageId,
  signInResult: inboxEvents.signInResult,
  happenedAt: inboxEvents.happenedAt,
  receivedAt: inboxEvents.receivedAt,
  state: inboxEvents.state,
  attempts: inboxEvents.attempts,
};

export type StoredEvent = Pick<typeof inboxEvents.$inferSelect, keyof typeof eventColumns>;
export type Outcome = (typeof webhookEvents.$inferSelect)["outcome"];

type Effect =
  | { action: "observe"; state: Observation["state"] }
  | { action: "look"; accountsToo?: boolean }
  | { action: "record-sign-in" }
  | { action: "user-deleted" }
  | { action: "nothing" };

/**
 * The effect of each type of event (docs/snaptrade.md §6.3). Other types are stored and have no effect,
 * except for ACCOUNT_HOLDINGS_UPDATED, which heartbeats.ts handles.
 */
const effects: Partial<Record<string, Effect>> = {
  CONNECTION_BROKEN: { action: "observe", state: "disabled" },
  CONNECTION_FIXED: { action: "observe", state: "enabled" },
  CONNECTION_DELETED: { action: "observe", state: "deleted" },
  CONNECTION_ADDED: { action: "look" },
  CONNECTION_UPDATED: { action: "look" },
  NEW_ACCOUNT_AVAILABLE: { action: "look", accountsToo: true },
  ACCOUNT_REMOVED: { action: "look", accountsToo: true },
  CONNECTION_ATTEMPTED: { action: "record-sign-in" },
  CONNECTION_FAILED: { action: "record-sign-in" },
  USER_DELETED: { action: "user-deleted" },
};

/** An event that arrives later than this was delayed, so more may have happened since. */
const lateAfterMs = 10 * 60_000;
/** An event further ahead than clocks drift apart would outweigh everything that follows it. */
export const aheadMs = 5 * 60_000;

/** The result of processing a batch of events. */
interface Applied {
  /** By event id. */
  outcomes: Map<string, Outcome>;
  /** The people for whom a look is due. */
  toLookAt: string[];
}

/**
 * Applies any number of people's events in the order they arrived; the number of statements doesn't grow with
 * them. Only ever touches connections of the person an event is about. An event that says too little, arrives
 * late, or is about an unknown connection requests a look instead of, or in addition to, changing anything.
 */
export async function applyEvents(tx: Transaction, events: StoredEvent[], now: Date): Promise<Applied> {
  const { known, formers, lookedAt } = await findAddressees(tx, events);
  // Locks everything that the events may touch, in the order of docs/decisions/0010-lock-order.md.
  const people = new Set(known.values());
  const held = await lockConnections(tx, [...people]);
  const owners = await ownersOf(tx, events, held);
  const plan: Plan = {
    outcomes: new Map(),
    observations: [],
    updates: [],
    signIns: [],
    looks: [],
    ended: [],
  };
  for (const event of events) {
    const userId = known.get(event.snapTradeUserId ?? "");
    const owner = owners.get(event.connectionId ?? "");
    const former = formers.get(event.snapTradeUserId ?? "");
    const to = { userId, owner, former, held, lookedAt: lookedAt.get(userId ?? "") ?? null };
    plan.outcomes.set(event.id, planEvent(plan, event, to, now));
  }
  return carryOut(tx, plan, people, now);
}

/** Everything that a batch of events changes. */
interface Plan {
  outcomes: Map<string, Outcome>;
  observations: OwnedObservation[];
  updates: { connectionId: string; at: Date }[];
  signIns: (StoredEvent & { userId: string; result: string })[];
  looks: { userId: string; dueAt: Date; accountsToo?: boolean }[];
  /** SnapTrade users that SnapTrade deleted. */
  ended: { snapTradeUserId: string; former: FormerUser | undefined; at: Date; recordedAt: Date }[];
}

interface Addressee {
  userId: string | undefined;
  /** The owner of the connection that the event is about, if we know the connection. */
  owner: string | undefined;
  /** Set if the SnapTrade user is no longer the person's. */
  former: FormerUser | undefined;
  held: Map<string, LockedConnection>;
  /** When SnapTrade last answered about them; our clock. */
  lookedAt: Date | null;
}

function planEvent(plan: Plan, event: StoredEvent, to: Addressee, now: Date): Outcome {
  const { userId, owner, former } = to;
  if (event.clientId && event.clientId !== env().SNAPTRADE_CLIENT_ID) return "other-client";
  if (!userId) return "unknown-user";
  // A former user's connections are no longer the person's, so changes to them don't matter.
  if (former && event.type !== "USER_DELETED") return "noted";
  if (owner && owner !== userId) return "foreign-connection";

  const effect = effects[event.type] ?? { action: "nothing" };
  const about = owner && isDated(event) ? event : null;
  switch (effect.action) {
    case "observe":
      if (!about) break;
      plan.observations.push(observationOf(about, userId, effect.state));
      if (isLate(about) && effect.state !== "deleted") plan.looks.push({ userId, dueAt: now });
      return "applied";
    case "look":
      if (about && event.type === "CONNECTION_UPDATED")
        plan.updates.push({ connectionId: about.connectionId, at: about.happenedAt });
      break;
    case "record-sign-in":
      plan.signIns.push({ ...event, userId, result: event.signInResult ?? "FAILED" });
      return "noted";
    case "user-deleted":
      // A company may give a person the same SnapTrade user again, and a late event names the earlier one.
      if (!former && (isForgotten(event) || isDisproved(event, to))) break;
      planUserDeleted(plan, event, userId, to);
      return "applied";
    case "nothing":
      return "noted";
  }
  plan.looks.push({ userId, dueAt: now, accountsToo: effect.action === "look" && effect.accountsToo });
  return "looked";
}

/**
 * Deleting a user deletes all of their connections (docs/snaptrade.md §2.3, §8.16); deleting a former user
 * deletes only the ones it had.
 */
function planUserDeleted(plan: Plan, event: StoredEvent, userId: string, { former, held }: Addressee) {
  const { snapTradeUserId, happenedAt, receivedAt } = event;
  const at = happenedAt && happenedAt < receivedAt ? happenedAt : receivedAt;
  plan.ended.push({ snapTradeUserId: snapTradeUserId ?? "", former, at, recordedAt: receivedAt });
  if (former) return;
  for (const { id, userId: owner } of held.values())
    if (owner === userId)
      plan.observations.push(
        observationOf({ connectionId: id, happenedAt: at, receivedAt }, userId, "deleted"),
      );
}

/** In the order of docs/decisions/0010-lock-order.md. */
async function carryOut(tx: Transaction, plan: Plan, people: Set<string>, now: Date): Promise<Applied> {
  const { outcomes, observations, updates, signIns, looks, ended } = plan;
  await recordUpdates(tx, updates);
  for (const { id } of await recordSignIns(tx, signIns)) outcomes.set(id, "applied");
  for (const [userId, { lookAgainAt }] of await observeAll(tx, observations, people))
    if (lookAgainAt) looks.push({ userId, dueAt: lookAgainAt });
  const repaired = observations.filter(({ state }) => state === "enabled");
  const inPortal = await listOwnersInPortal(
    tx,
    repaired.map(({ connectionId }) => connectionId),
  );
  looks.push(...inPortal.map((userId) => ({ userId, dueAt: now })));
  await requestLooks(tx, looks);
  for (const { snapTradeUserId, former, at, recordedAt } of ended) {
    if (former) await recordFormerDeleted(tx, former, { at, recordedAt, source: "webhook" });
    else await recordUserDeleted(tx, snapTradeUserId, at);
  }
  return { outcomes, toLookAt: [...new Set(looks.map(({ userId }) => userId))] };
}

/** An event with a connection and a time that can be compared with others. */
type DatedEvent = Pick<StoredEvent, "receivedAt"> & { happenedAt: Date; connectionId: string };

function isDated(event: StoredEvent): event is StoredEvent & DatedEvent {
  const { happenedAt, connectionId, receivedAt } = event;
  if (connectionId === null || happenedAt === null) return false;
  return happenedAt.getTime() - receivedAt.getTime() <= aheadMs && !isForgotten(event);
}

/** An event older than the ids we keep may be a copy of one that took effect long ago. */
const isForgotten = ({ happenedAt, receivedAt }: StoredEvent) =>
  happenedAt !== null && receivedAt.getTime() - happenedAt.getTime() >= idDays * 86_400_000;

/** SnapTrade has answered about this person since, by more than clocks drift apart. */
const isDisproved = ({ happenedAt, receivedAt }: StoredEvent, { lookedAt }: Addressee) =>
  lookedAt !== null && lookedAt.getTime() - (happenedAt ?? receivedAt).getTime() > aheadMs;

const isLate = ({ happenedAt, receivedAt }: DatedEvent) =>
  receivedAt.getTime() - happenedAt.getTime() > lateAfterMs;

function observationOf(
  { connectionId, happenedAt, receivedAt }: DatedEvent,
  userId: string,
  state: Observation["state"],
): OwnedObservation {
  const times = { observedAt: happenedAt, answeredAt: null, disabledAt: null, recordedAt: receivedAt };
  return { userId, connectionId, state, source: "webhook", ...times };
}

/** The people whom the events are about, by SnapTrade user id, including former ones. */
async function findAddressees(tx: Transaction, events: StoredEvent[]) {
  const names = [...new Set(events.flatMap(({ snapTradeUserId }) => snapTradeUserId ?? []))];
  const formers = await findFormers(tx, names);
  const current = await tx
    .select({
      userId: snapTradeUsers.userId,
      name: snapTradeUsers.snapTradeUserId,
      lookedAt: snapTradeUsers.lookedAt,
    })
    .from(snapTradeUsers)
    .where(inArray(snapTradeUsers.snapTradeUserId, names));
  const known = new Map([...formers.values()].map((former) => [former.snapTradeUserId, former.userId]));
  for (const { userId, name } of current) known.set(name, userId);
  return { known, formers, lookedAt: new Map(current.map(({ userId, lookedAt }) => [userId, lookedAt])) };
}

/** The owner of each known connection that the events are about. */
async function ownersOf(
  tx: Transaction,
  events: StoredEvent[],
  held: Map<string, LockedConnection>,
): Promise<Map<string, string>> {
  const owners = new Map([...held].map(([id, { userId }]) => [id, userId]));
  const others = [...new Set(events.flatMap(({ connectionId }) => connectionId ?? []))].filter(
    (id) => !owners.has(id),
  );
  if (others.length === 0) return owners;
  const rows = await tx
    .select({ id: connections.id, userId: connections.userId })
    .from(connections)
    .where(sql`${connections.id} = any(${uuids(others)})`);
  for (const { id, userId } of rows) owners.set(id, userId);
  return owners;
}
