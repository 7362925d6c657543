import { createHash } from "node:crypto";
import { printJson, type Json } from "./canonical-json";

/**
 * The parts of a webhook event that we read (docs/snaptrade.md §6.2). Every field except `id` and `type` may
 * be missing.
 */
export interface WebhookEvent {
  /** SnapTrade's id for this event; presumably the same in every retry (docs/snaptrade.md §8.4). */
  id: string;
  type: string;
  snapTradeUserId: string | null;
  clientId: string | null;
  connectionId: string | null;
  brokerageId: string | null;
  /** The result of a sign-in in the Connection Portal, on CONNECTION_ATTEMPTED (docs/snaptrade.md §6.4). */
  signInResult: string | null;
  /** SnapTrade's clock (docs/snaptrade.md §7.2). */
  happenedAt: Date | null;
  /** The whole event as JSON in printable ASCII, without the deprecated shared secret. */
  payload: string;
  /** Why the event can only be stored, not processed; null for a readable event. */
  unreadable: string | null;
}

const isName = /^[\x21-\x7e]{1,200}$/;
/**
 * Text with NUL or unpaired surrogates, or of excessive length, counts as missing: the database can't store
 * it, or no one needs it.
 */
const isText = /^[^\0\p{Cs}]{1,200}$/u;
const isId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** A four-digit year and an offset, so that no time zone has to be guessed. */
const isTime = /^(\d{4}-\d\d-\d\dT\d\d:\d\d)(?::(\d\d)(\.\d+)?)?(Z|[+-]\d\d:?\d\d)$/;
/** A time outside this range is a mistake, and date arithmetic fails at the ends of the calendar. */
const [earliest, latest] = [Date.parse("1970-01-01T00:00:00Z"), Date.parse("3000-01-01T00:00:00Z")];

const read = (value: Json | undefined, form: RegExp): string | null =>
  typeof value === "string" && form.test(value) ? value : null;

/** The first value that is a non-empty string. */
const firstText = (...values: (Json | undefined)[]) =>
  values.find((value): value is string => typeof value === "string" && value !== "");

/**
 * Reads an event in either SnapTrade schema (docs/snaptrade.md §6.2); null if it has no id or no type. The
 * result can always be stored: an unreadable field counts as missing, and an id or type that can't be stored
 * is replaced by a fingerprint, which makes the event unreadable.
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
 * Equal for equal texts, and unlike any name SnapTrade uses. Handles unpaired surrogates, which UTF-8 would
 * make identical.
 */
function fingerprint(text: string): string {
  return `sha256:${createHash("sha256").update(text, "utf16le").digest("hex")}`;
}

function readTime(value: Json | undefined): Date | null {
  const found = typeof value === "string" ? isTime.exec(value) : null;
  if (!found) return null;
  const [, minute, second = "00", fraction = "", offset] = found;
  // JavaScript has no leap seconds; one becomes the last moment of its minute.
  const ms = Date.parse(`${minute}:${second === "60" ? "59.999" : second + fraction.slice(0, 4)}${offset}`);
  return ms >= earliest && ms < latest ? new Date(ms) : null;
}
