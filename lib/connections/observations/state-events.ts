import type { NewEvent } from "@/lib/events/record";
import type { Growth } from "./history";
import type { Observation } from "./project";

type State = Observation["state"];
/** How one connection changed. */
type Change = Pick<Growth, "projection" | "first"> & { userId: string; connectionId: string };

/**
 * The events of connections whose states changed. They follow the state, not the episodes: whichever
 * observation comes late or is withdrawn, a connection's last event matches the state that we store.
 * @param stored the connections as they were before this transaction
 */
export function stateEvents(changes: Change[], stored: Map<string, { state: State }>): NewEvent[] {
  return changes.flatMap(({ userId, connectionId, projection, first }) => {
    const before = first ? undefined : stored.get(connectionId)?.state;
    return changeEvents(before, projection).map((event) => ({ ...event, userId, connectionId }));
  });
}

function changeEvents(
  before: State | undefined,
  { state, observedAt, disabledAt, episodes }: Change["projection"],
): Pick<NewEvent, "type" | "at" | "data">[] {
  if (state === before) return [];
  const isNew = before === undefined || before === "deleted";
  if (state === "deleted")
    return isNew ? [] : [{ type: "connection.removed", at: observedAt, data: { reason: "deleted" } }];
  const added = { type: "connection.added" as const, at: observedAt, data: {} };
  if (state === "enabled")
    return isNew ? [added] : [{ type: "connection.fixed", at: observedAt, data: { reason: "enabled" } }];
  const noticedBy = episodes.at(-1)?.noticedBy;
  const needsOwner = {
    type: "connection.needs_owner" as const,
    at: disabledAt ?? observedAt,
    data: { reason: "disabled", noticed_by: noticedBy },
  };
  return isNew ? [added, needsOwner] : [needsOwner];
}

/** The event of a person whom SnapTrade deleted, or whose secret it keeps refusing. */
export function goneEvent(userId: string, at: Date, reason: "deleted" | "refused"): NewEvent {
  return { type: "user.gone", userId, connectionId: null, at, data: { reason } };
}
