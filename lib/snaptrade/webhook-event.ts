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

const isName = /^[\x21-\x7e]{1,200}$/;
/** What a database cannot keep as text, or nobody needs, counts as absent. */
const isText = /^[^\0]{1,200}$/;
const isId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** A year of four digits and an offset: what any database knows, and no time zone has to be guessed. */
const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)$/;

const read = (value: Json | undefined, form: RegExp): string | null => (typeof value === "string" && form.test(value) ? value : null);

/** Reads an event, in the names of both of SnapTrade's schemas; null when it has no id or no type. */
export function readWebhookEvent(parsed: Json | null): WebhookEvent | null {
  if (!(parsed instanceof Map)) return null;
  const id = read(parsed.get("webhookId") ?? parsed.get("webookId"), isName);
  const type = read(parsed.get("eventType"), isName);
  if (!id || !type) return null;
  const kept = new Map(parsed);
  kept.delete("webhookSecret");
  return {
    id,
    type,
    snapTradeUserId: read(parsed.get("userId"), isText),
    clientId: read(parsed.get("clientId") ?? parsed.get("oauthClientId"), isText),
    connectionId: read(parsed.get("brokerageAuthorizationId") ?? parsed.get("connectionId"), isId)?.toLowerCase() ?? null,
    brokerageId: read(parsed.get("brokerageId"), isId)?.toLowerCase() ?? null,
    attemptResult: read(parsed.get("connectionAttemptedResult"), isText),
    happenedAt: readTime(read(parsed.get("eventTimestamp"), isTime)),
    payload: printJson(kept),
  };
}

function readTime(text: string | null): Date | null {
  const ms = text ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) ? null : new Date(ms);
}
