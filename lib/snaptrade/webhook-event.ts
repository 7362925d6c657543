import { createHash } from "node:crypto";
import { printJson, type Json } from "./canonical-json";

/**
 * What SnapTrade posted, as far as we read it (docs/snaptrade.md §6.2). Every member but the first two may be
 * absent.
 */
export interface WebhookEvent {
  /** SnapTrade's id of this notification; presumably the same in every retry (docs/snaptrade.md §8.4). */
  id: string;
  type: string;
  snapTradeUserId: string | null;
  clientId: string | null;
  connectionId: string | null;
  brokerageId: string | null;
  /** How a trip to the Connection Portal ended, on CONNECTION_ATTEMPTED (docs/snaptrade.md §6.4). */
  signInResult: string | null;
  /** SnapTrade's clock (docs/snaptrade.md §7.2). */
  happenedAt: Date | null;
  /** The whole event as JSON in printable ASCII, without the deprecated shared secret. */
  payload: string;
  /** Why it can only be stored, not processed; null for an event that can be read. */
  unreadable: string | null;
}

const isName = /^[\x21-\x7e]{1,200}$/;
/**
 * Text that the database can't store or no one needs counts as absent: NUL, unpaired surrogates, or too much
 * of it.
 */
const isText = /^[^\0\p{Cs}]{1,200}$/u;
const isId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** A four-digit year and an offset, so no time zone has to be guessed. */
const isTime = /^(\d{4}-\d\d-\d\dT\d\d:\d\d)(?::(\d\d)(\.\d+)?)?(Z|[+-]\d\d:?\d\d)$/;
/** A time outside these is a mistake, and date arithmetic fails at the ends of a calendar. */
const [earliest, latest] = [Date.parse("1970-01-01T00:00:00Z"), Date.parse("3000-01-01T00:00:00Z")];

const read = (value: Json | undefined, form: RegExp): string | null =>
  typeof value === "string" && form.test(value) ? value : null;

/** The first of them that is a non-empty string. */
const firstText = (...values: (Json | undefined)[]) =>
  values.find((value): value is string => typeof value === "string" && value !== "");

/**
 * Parses an event, using the field names of either SnapTrade schema; null when it has no id or no type.
 * Whatever SnapTrade sends, the result can be stored: an unreadable field counts as absent, and an event
 * whose id or type can't be stored as it is gets a fingerprint instead and is unreadable.
 */
export function readWebhookEvent(parsed: Json | null): WebhookEvent | null {
  if (!(parsed instanceof Map)) return null;
  const id = firstText(parsed.get("webhookId"), parsed.get("webookId"));
  const type = firstText(parsed.get("eventType"));
  if (!id || !type) return null;
  const kept = new Map(parsed);
  kept.delete("webhookSecret");
  return {
    id: isName.test(id) ? id : fingerprint(id),
    type: isName.test(type) ? type : fingerprint(type),
    snapTradeUserId: read(parsed.get("userId"), isText),
    clientId: read(parsed.get("clientId") ?? parsed.get("oauthClientId"), isText),
    connectionId:
      read(parsed.get("brokerageAuthorizationId") ?? parsed.get("connectionId"), isId)?.toLowerCase() ?? null,
    brokerageId: read(parsed.get("brokerageId"), isId)?.toLowerCase() ?? null,
    signInResult: read(parsed.get("connectionAttemptedResult"), isText),
    happenedAt: readTime(parsed.get("eventTimestamp")),
    payload: printJson(kept),
    unreadable: isName.test(id) && isName.test(type) ? null : "Its id or type is not plain text",
  };
}

/**
 * The same for equal texts, and unlike any name SnapTrade uses. Covers unpaired surrogates, which UTF-8 would
 * make identical.
 */
function fingerprint(text: string): string {
  return `sha256:${createHash("sha256").update(text, "utf16le").digest("hex")}`;
}

function readTime(value: Json | undefined): Date | null {
  const found = typeof value === "string" ? isTime.exec(value) : null;
  if (!found) return null;
  const [, minute, second = "00", fraction = "", offset] = found;
  // JavaScript has no leap seconds; this one becomes the moment before the next minute.
  const ms = Date.parse(`${minute}:${second === "60" ? "59.999" : second + fraction.slice(0, 4)}${offset}`);
  return ms >= earliest && ms < latest ? new Date(ms) : null;
}
