import "server-only";
import { eq, getTableColumns, inArray } from "drizzle-orm";
import { confirmRepair, recordSignInResult, recordUpdate } from "@/lib/connections/portal/sign-in-result";
import type { Observation } from "@/lib/connections/observations/project";
import { findFormers, recordFormerDeleted } from "@/lib/account/former-users";
import { observeWithin } from "@/lib/connections/observations/observe";
import { recordUserDeleted, requestLook } from "@/lib/connections/observations/snaptrade-user";
import type { Transaction } from "@/lib/db/database";
import { formerSnapTradeUsers } from "@/lib/db/schema/former-users";
import { connections } from "@/lib/db/schema/connections";
import { snapTradeUsers } from "@/lib/db/schema/users";
import { inboxEvents, type webhookEvents } from "@/lib/db/schema/webhooks";
import { env } from "@/lib/base/env";
import { idDays } from "./retention";

const {
  id,
  type,
  snapTradeUserId,
  clientId,
  connectionId,
  brokerageId,
  signInResult,
  happenedAt,
  receivedAt,
  state,
  attempts,
} = getTableColumns(inboxEvents);
/** The columns needed to process an event; the payload is only for people to read. */
export const eventColumns = {
  id,
  type,
  snapTradeUserId,
  clientId,
  connectionId,
  brokerageId,
  signInResult,
  happenedAt,
  receivedAt,
  state,
  attempts,
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

/**
 * Finds whom the events are about: our user by event id, or the outcome for events that aren't about any of
 * our users. One query.
 */
export async function addresseesOf(tx: Pick<Transaction, "select">, events: StoredEvent[]) {
  const names = [...new Set(events.flatMap(({ snapTradeUserId }) => snapTradeUserId ?? []))];
  const { userId, snapTradeUserId: name } = snapTradeUsers;
  const { userId: formerUserId, snapTradeUserId: formerName } = formerSnapTradeUsers;
  const rows = await tx
    .select({ userId, name })
    .from(snapTradeUsers)
    .where(inArray(name, names))
    .unionAll(
      tx
        .select({ userId: formerUserId, name: formerName })
        .from(formerSnapTradeUsers)
        .where(inArray(formerName, names)),
    );
  const known = new Map(rows.map(({ userId, name }) => [name, userId]));
  const userOf = new Map<string, string>();
  const nobody = new Map<string, Outcome>();
  for (const { id, clientId, snapTradeUserId } of events) {
    const userId = known.get(snapTradeUserId ?? "");
    if (clientId && clientId !== env().SNAPTRADE_CLIENT_ID) nobody.set(id, "other-client");
    else if (userId) userOf.set(id, userId);
    else nobody.set(id, "unknown-user");
  }
  return { userOf, nobody };
}

/**
 * Applies events of one user, oldest arrival first, and returns the outcome of each. Never touches another
 * user's connections. An event that says too little, arrives late, or is about an unknown connection requests
 * a look instead of, or in addition to, changing anything.
 */
export async function applyForUser(
  tx: Transaction,
  userId: string,
  events: StoredEvent[],
  now: Date,
): Promise<Map<string, Outcome>> {
  // Lock everything that these events may touch, in the lock order (docs/decisions/0010); the events can be
  // in any order.
  await tx
    .select({ id: connections.id })
    .from(connections)
    .where(eq(connections.userId, userId))
    .orderBy(connections.id)
    .for("update");
  const owners = await ownersOf(tx, events);
  const formers = await findFormers(
    tx,
    events.flatMap(({ snapTradeUserId }) => snapTradeUserId ?? []),
  );
  const outcomes = new Map<string, Outcome>();
  for (const event of events) {
    if (formers.has(event.snapTradeUserId ?? "") && event.type !== "USER_DELETED") {
      // A former user's connections no longer belong to the person, so changes to them don't matter.
      outcomes.set(event.id, "noted");
      continue;
    }
    const owner = event.connectionId ? owners.get(event.connectionId) : undefined;
    const foreign = owner !== undefined && owner !== userId;
    outcomes.set(
      event.id,
      foreign ? "foreign-connection" : await apply(tx, userId, event, owner === userId, now),
    );
  }
  return outcomes;
}

async function apply(
  tx: Transaction,
  userId: string,
  event: StoredEvent,
  known: boolean,
  now: Date,
): Promise<Outcome> {
  const effect = effects[event.type] ?? { action: "nothing" };
  switch (effect.action) {
    case "observe":
      return known && isDated(event)
        ? observeEvent(tx, userId, event, effect.state, now)
        : look(tx, userId, now);
    case "look":
      if (event.type === "CONNECTION_UPDATED" && known && isDated(event))
        await recordUpdate(tx, userId, event.connectionId, event.happenedAt);
      return look(tx, userId, now, effect.accountsToo);
    case "record-sign-in": {
      const { brokerageId, signInResult, happenedAt, receivedAt } = event;
      const fits = await recordSignInResult(tx, userId, {
        brokerageId,
        result: signInResult ?? "FAILED",
        happenedAt,
        receivedAt,
      });
      return fits ? "applied" : "noted";
    }
    case "user-deleted":
      return endUser(tx, userId, event);
    default:
      return "noted";
  }
}

/**
 * True if the event has a connection and a time that can be compared with others. One older than the ids we
 * remember may be a copy of one whose consequences are long forgotten.
 */
function isDated(event: StoredEvent): event is StoredEvent & { happenedAt: Date; connectionId: string } {
  const { happenedAt, connectionId, receivedAt } = event;
  if (connectionId === null || happenedAt === null) return false;
  const aheadBy = happenedAt.getTime() - receivedAt.getTime();
  return aheadBy <= aheadMs && -aheadBy < idDays * 86_400_000;
}

async function observeEvent(
  tx: Transaction,
  userId: string,
  event: StoredEvent & { happenedAt: Date; connectionId: string },
  state: Observation["state"],
  now: Date,
): Promise<Outcome> {
  const { connectionId, happenedAt: observedAt, receivedAt: recordedAt } = event;
  await observeWithin(tx, userId, [
    { connectionId, state, observedAt, answeredAt: null, disabledAt: null, source: "webhook", recordedAt },
  ]);
  if (state === "enabled") await confirmRepair(tx, userId, connectionId, now);
  const late = recordedAt.getTime() - observedAt.getTime() > lateAfterMs;
  if (late && state !== "deleted") await requestLook(tx, userId, now);
  return "applied";
}

async function look(tx: Transaction, userId: string, now: Date, accountsToo = false): Promise<Outcome> {
  await requestLook(tx, userId, now, { accountsToo });
  return "looked";
}

/**
 * Deleting a user deletes all of their connections (docs/snaptrade.md §2.3, §8.16); deleting a former user
 * deletes only those that it had.
 */
async function endUser(
  tx: Transaction,
  userId: string,
  { snapTradeUserId, happenedAt, receivedAt }: StoredEvent,
): Promise<Outcome> {
  const observedAt = happenedAt && happenedAt < receivedAt ? happenedAt : receivedAt;
  const name = snapTradeUserId ?? "";
  const former = (await findFormers(tx, [name])).get(name);
  if (former) {
    await recordFormerDeleted(tx, former, { at: observedAt, recordedAt: receivedAt, source: "webhook" });
    return "applied";
  }
  const own = await tx
    .select({ connectionId: connections.id })
    .from(connections)
    .where(eq(connections.userId, userId));
  const gone = {
    state: "deleted" as const,
    observedAt,
    answeredAt: null,
    disabledAt: null,
    source: "webhook" as const,
    recordedAt: receivedAt,
  };
  await observeWithin(
    tx,
    userId,
    own.map(({ connectionId }) => ({ ...gone, connectionId })),
  );
  await recordUserDeleted(tx, name, observedAt);
  return "applied";
}

async function ownersOf(tx: Transaction, events: StoredEvent[]): Promise<Map<string, string>> {
  const ids = [...new Set(events.flatMap(({ connectionId }) => connectionId ?? []))];
  if (ids.length === 0) return new Map();
  const rows = await tx
    .select({ id: connections.id, userId: connections.userId })
    .from(connections)
    .where(inArray(connections.id, ids));
  return new Map(rows.map(({ id, userId }) => [id, userId]));
}
