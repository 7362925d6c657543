import { isoTime } from "./clock";
import type { User, WebhookEvent, World } from "./model";

export type SignInResult =
  | "SUCCESS"
  | "AUTH_EXPIRED"
  | "AUTH_NOT_IN_PROGRESS"
  | "DIFFERENT_ACCOUNT"
  | "INVALID_CREDENTIALS"
  | "INVALID_MFA_CODE"
  | "UNCAUGHT_ERROR";

/** What each event carries in addition to the common members. */
interface Members {
  USER_REGISTERED: object;
  USER_DELETED: object;
  CONNECTION_ATTEMPTED: { brokerageId: string; connectionAttemptedResult: SignInResult };
  CONNECTION_ADDED: { brokerageId: string; brokerageAuthorizationId: string };
  CONNECTION_DELETED: { brokerageId: string; brokerageAuthorizationId: string };
  CONNECTION_BROKEN: { brokerageAuthorizationId: string };
  CONNECTION_FIXED: { brokerageAuthorizationId: string };
  CONNECTION_UPDATED: { brokerageAuthorizationId: string };
  CONNECTION_FAILED: object;
  NEW_ACCOUNT_AVAILABLE: { accountId: string; brokerageAuthorizationId: string };
  ACCOUNT_TRANSACTIONS_UPDATED: { accountId: string; brokerageAuthorizationId: string };
  ACCOUNT_HOLDINGS_UPDATED: {
    accountId: string;
    brokerageId: string;
    brokerageAuthorizationId: string;
    details: object;
  };
}

type EventType = keyof Members;

const keptPerUser = 500;

/** The one place where events originate: stores the event and queues it for delivery. */
export function recordEvent<Type extends EventType>(
  world: World,
  user: User,
  eventType: Type,
  members: Members[Type],
  at = world.now(user),
): WebhookEvent {
  return recordAnyEvent(world, user.userId, eventType, members, at);
}

/** Also accepts unknown event types and users that don't exist. */
export function recordAnyEvent(
  world: World,
  userId: string,
  eventType: string,
  members: object,
  at: number,
): WebhookEvent {
  const event: WebhookEvent = {
    webhookId: world.chance.uuid(),
    clientId: world.partner.clientId,
    eventTimestamp: isoTime(at),
    userId,
    eventType,
    ...members,
  };
  const events = world.events.get(userId) ?? [];
  events.push(event);
  world.events.set(userId, events.slice(-keptPerUser));
  world.deliveries.add(event);
  world.changed();
  return event;
}
