import "server-only";
import { randomBytes } from "node:crypto";
import { and, eq } from "drizzle-orm";
import { Webhook } from "standardwebhooks";
import { database } from "@/lib/db/client";
import { eventEndpoints } from "@/lib/db/schema/events";
import { isSealedWithFirstKey, openSecret, sealSecret } from "@/lib/snaptrade/user-secret";

type Endpoint = typeof eventEndpoints.$inferSelect;

/** The row that a sealed secret is bound to (sealSecret). */
const boundTo = (endpointId: string) => `endpoint/${endpointId}`;

/** A new signing secret, to be shown once, and sealed to be stored. */
export function makeSecret(endpointId: string): { secret: string; sealedSecret: string } {
  const secret = `whsec_${randomBytes(32).toString("base64")}`;
  return { secret, sealedSecret: sealSecret(secret, boundTo(endpointId)) };
}

/** @throws Error if no key opens it */
function resealed(endpointId: string, sealed: string): string {
  return sealSecret(openSecret(sealed, boundTo(endpointId)), boundTo(endpointId));
}

/**
 * The headers of Standard Webhooks for one attempt: signed with the endpoint's secret and, while it is being
 * changed, with every one that the receiver may still use.
 * @throws Error if a secret doesn't open under ENCRYPTION_KEYS
 */
export function signedHeaders(
  { id, sealedSecret, sealedPrevious, sealedOlder, previousUntil }: Endpoint,
  eventId: string,
  body: string,
  now: Date,
): Record<string, string> {
  const isChanging = sealedPrevious && previousUntil && previousUntil > now;
  const previous = isChanging ? [sealedPrevious, ...sealedOlder] : [];
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

/**
 * Seals the signing secrets of all endpoints under the first of ENCRYPTION_KEYS. Safe to run while the app
 * does, and again.
 * @returns the ids of endpoints with a secret that no key opens
 */
export async function resealEndpoints(): Promise<string[]> {
  const db = await database();
  const unreadable: string[] = [];
  for (const { id, sealedSecret, sealedPrevious, sealedOlder } of await db.select().from(eventEndpoints)) {
    const all = [sealedSecret, sealedPrevious, ...sealedOlder];
    if (all.every((sealed) => sealed === null || isSealedWithFirstKey(sealed))) continue;
    try {
      await db
        .update(eventEndpoints)
        .set({
          sealedSecret: resealed(id, sealedSecret),
          sealedPrevious: sealedPrevious === null ? null : resealed(id, sealedPrevious),
          sealedOlder: sealedOlder.map((sealed) => resealed(id, sealed)),
        })
        // A secret that was rotated meanwhile is under the first key.
        .where(and(eq(eventEndpoints.id, id), eq(eventEndpoints.sealedSecret, sealedSecret)));
    } catch {
      unreadable.push(id);
    }
  }
  return unreadable;
}
