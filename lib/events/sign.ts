import "server-only";
import { randomBytes } from "node:crypto";
import { Webhook } from "standardwebhooks";
import type { eventEndpoints } from "@/lib/db/schema/events";
import { openSecret, sealSecret } from "@/lib/snaptrade/user-secret";

type Endpoint = typeof eventEndpoints.$inferSelect;

/** The row that a sealed secret is bound to (sealSecret). */
const boundTo = (endpointId: string) => `endpoint/${endpointId}`;

/** A new signing secret, to be shown once, and sealed to be stored. */
export function makeSecret(endpointId: string): { secret: string; sealedSecret: string } {
  const secret = `whsec_${randomBytes(32).toString("base64")}`;
  return { secret, sealedSecret: sealSecret(secret, boundTo(endpointId)) };
}

/**
 * The headers of Standard Webhooks for one attempt: signed with the endpoint's secret and, while it is being
 * changed, with the previous one too.
 * @throws Error if a secret doesn't open under ENCRYPTION_KEYS
 */
export function signedHeaders(
  { id, sealedSecret, sealedPrevious, previousUntil }: Endpoint,
  eventId: string,
  body: string,
  now: Date,
): Record<string, string> {
  const previous = sealedPrevious && previousUntil && previousUntil > now ? [sealedPrevious] : [];
  const signatures = [sealedSecret, ...previous].map((sealed) =>
    new Webhook(openSecret(sealed, boundTo(id))).sign(eventId, now, body),
  );
  return {
    "Content-Type": "application/json",
    "webhook-id": eventId,
    "webhook-timestamp": String(Math.floor(now.getTime() / 1000)),
    "webhook-signature": signatures.join(" "),
  };
}
