import { createHash } from "node:crypto";
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
  /** All of it as JSON in printable ASCII, without the deprecated shared secret. */
  payload: string;
  /** Why it can only be kept, not worked off; null for an event that can be read. */
  unreadable: string | null;
}

const isName = /^[\x21-\x7e]{1,200}$/;
/** What a database cannot keep as text, or nobody needs, counts as absent: NUL, half of a character, or too much. */
const isText = /^[^\0\p{Cs}]{1,200}$/u;
const isId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** A year of four digits and an offset: no time zone has to be guessed. */
const isTime = /^(\d{4}-\d\d-\d\dT\d\d:\d\d)(?::(\d\d)(\.\d+)?)?(Z|[+-]\d\d:?\d\d)$/;
/** Beyond these a time is a mistake, and at the ends of a calendar reckoning with it fails. */
const [earliest, latest] = [Date.parse("1970-01-01T00:00:00Z"), Date.parse("3000-01-01T00:00:00Z")];

const read = (value: Json | undefined, form: RegExp): string | null => (typeof value === "string" && form.test(value) ? value : null);

/** The first of them that is a text with something in it. */
const firstText = (...values: (Json | undefined)[]) => values.find((value): value is string => typeof value === "string" && value !== "");

/**
 * Reads an event, in the names of both of SnapTrade's schemas; null when it has no id or no type.
 * Whatever SnapTrade sends, the result can be stored: a member that cannot be read counts as absent, and an event
 * whose id or type cannot be kept as it is keeps a fingerprint in its place and is unreadable.
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
    connectionId: read(parsed.get("brokerageAuthorizationId") ?? parsed.get("connectionId"), isId)?.toLowerCase() ?? null,
    brokerageId: read(parsed.get("brokerageId"), isId)?.toLowerCase() ?? null,
    attemptResult: read(parsed.get("connectionAttemptedResult"), isText),
    happenedAt: readTime(parsed.get("eventTimestamp")),
    payload: printJson(kept),
    unreadable: isName.test(id) && isName.test(type) ? null : "Its id or its type is no plain text",
  };
}

/** The same for the same text, and unlike any name that SnapTrade gives. Half characters count too, which UTF-8 would make all alike. */
function fingerprint(text: string): string {
  return `sha256:${createHash("sha256").update(text, "utf16le").digest("hex")}`;
}

function readTime(value: Json | undefined): Date | null {
  const [, minute = "", second = "00", fraction = "", offset = ""] = isTime.exec(typeof value === "string" ? value : "") ?? [];
  // JavaScript knows no leap second; it is the moment before the next minute.
  const ms = Date.parse(`${minute}:${second === "60" ? "59.999" : second + fraction.slice(0, 4)}${offset}`);
  return ms >= earliest && ms < latest ? new Date(ms) : null;
}
