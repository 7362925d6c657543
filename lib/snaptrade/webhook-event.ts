import { z } from "zod";
import { printJson, type Json } from "./python-json";

/** What SnapTrade posted, as far as we read it (FACTS 6.2). Every member but the first two may be absent. */
export interface WebhookEvent {
  /** SnapTrade's id of this notification; the same in every retry. */
  id: string;
  type: string;
  snapTradeUserId: string | null;
  clientId: string | null;
  connectionId: string | null;
  brokerageId: string | null;
  /** How a trip to the Connection Portal ended, on CONNECTION_ATTEMPTED. */
  attemptResult: string | null;
  /** SnapTrade's clock. */
  happenedAt: Date | null;
  /** All of it as JSON, without the deprecated shared secret. */
  payload: string;
}

const name = z.string().regex(/^[\x21-\x7e]{1,200}$/);
/** What a database cannot keep as text, or nobody needs, counts as absent. */
const optionalText = z
  .string()
  .regex(/^[^\0]{1,200}$/)
  .nullable()
  .catch(null);
const optionalId = z.uuid().toLowerCase().nullable().catch(null);
const optionalTime = z.iso
  .datetime({ offset: true })
  .transform((text) => new Date(text))
  .nullable()
  .catch(null);

const members = z.object({
  id: name,
  type: name,
  snapTradeUserId: optionalText,
  clientId: optionalText,
  connectionId: optionalId,
  brokerageId: optionalId,
  attemptResult: optionalText,
  happenedAt: optionalTime,
});

/** Reads an event, in the names of both of SnapTrade's schemas; null when it has no id or no type. */
export function readWebhookEvent(parsed: Json | null): WebhookEvent | null {
  if (!(parsed instanceof Map)) return null;
  const read = members.safeParse({
    id: parsed.get("webhookId") ?? parsed.get("webookId"),
    type: parsed.get("eventType"),
    snapTradeUserId: parsed.get("userId"),
    clientId: parsed.get("clientId") ?? parsed.get("oauthClientId"),
    connectionId: parsed.get("brokerageAuthorizationId") ?? parsed.get("connectionId"),
    brokerageId: parsed.get("brokerageId"),
    attemptResult: parsed.get("connectionAttemptedResult"),
    happenedAt: parsed.get("eventTimestamp"),
  });
  if (!read.success) return null;
  const kept = new Map(parsed);
  kept.delete("webhookSecret");
  return { ...read.data, payload: printJson(kept) };
}
