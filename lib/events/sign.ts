import "server-only";
import { randomBytes } from "node:crypto";
import { eq } from "drizzle-orm";
import { Webhook } from "standardwebhooks";
import { transaction } from "@/lib/db/client";
import { eventEndpoints } from "@/lib/db/schema/events";
import { isSealedWithFirstKey, openSecret, sealSecret } from "@/lib/snaptrade/user-secret";
import { NotDelivered } from "./post";

type Endpoint = typeof eventEndpoints.$inferSelect;

/** The row that a sealed secret is bound to (sealSecret). */
const boundTo = (endpointId: string) => `endpoint/${endpointId}`;

/** A new signing secret, to be shown once, and sealed to be stored. */
export function makeSecret(endpointId: string): { secret: string; sealedSecret: string } {
  const secret = `whsec_${randomBytes(32).toString("base64")}`;
  return { secret, sealedSecret: sealSecret(secret, boundTo(endpointId)) };
}

/** Those secrets of an endpoint that sign now: its own first, then those that its receiver may still use. */
function signing(
  { sealedSecret, sealedPrevious, sealedOlder, previousUntil }: Endpoint,
  now: Date,
): string[] {
  const isChanging = sealedPrevious && previousUntil && previousUntil > now;
  return isChanging ? [sealedSecret, sealedPrevious, ...sealedOlder] : [sealedSecret];
}

/** @returns null if no key opens it */
function open(endpointId: string, sealed: string): string | null {
  try {
    return openSecret(sealed, boundTo(endpointId));
  } catch {
    return null;
  }
}

/**
 * The headers of Standard Webhooks for one attempt: signed with the endpoint's secret and, while it is being
 * changed, with every one that the receiver may still use. Those that no key opens are left out.
 * @throws NotDelivered if none of them opens under ENCRYPTION_KEYS
 */
export function signedHeaders(
  endpoint: Endpoint,
  eventId: string,
  body: string,
  now: Date,
): Record<string, string> {
  const secrets = signing(endpoint, now).flatMap((sealed) => open(endpoint.id, sealed) ?? []);
  if (secrets.length === 0) throw new NotDelivered("no key in ENCRYPTION_KEYS opens its secret");
  return {
    "Content-Type": "application/json",
    "webhook-id": eventId,
    "webhook-timestamp": String(Math.floor(now.getTime() / 1000)),
    "webhook-signature": secrets.map((secret) => new Webhook(secret).sign(eventId, now, body)).join(" "),
  };
}

/**
 * Seals the signing secrets of all endpoints under the first of ENCRYPTION_KEYS, drops those that have expired,
 * and leaves alone those that no key opens. Safe to run while the app does, and again.
 * @param now our clock
 * @returns the ids of endpoints with a secret that still signs and that no key opens
 */
export async function resealEndpoints(now: Date): Promise<string[]> {
  return transaction(async (tx) => {
    const unreadable: string[] = [];
    // Locked, so that no secret is changed between reading and writing.
    const endpoints = await tx.select().from(eventEndpoints).orderBy(eventEndpoints.id).for("no key update");
    for (const endpoint of endpoints) {
      const kept = signing(endpoint, now).map((sealed) => ({ sealed, renewed: reseal(endpoint.id, sealed) }));
      const [own = endpoint.sealedSecret, previous = null, ...older] = kept.map(
        ({ sealed, renewed }) => renewed ?? sealed,
      );
      const previousUntil = previous === null ? null : endpoint.previousUntil;
      await tx
        .update(eventEndpoints)
        .set({ sealedSecret: own, sealedPrevious: previous, sealedOlder: older, previousUntil })
        .where(eq(eventEndpoints.id, endpoint.id));
      if (kept.some(({ renewed }) => renewed === null)) unreadable.push(endpoint.id);
    }
    return unreadable;
  });
}

/** @returns the same secret under the first key; null if no key opens it */
function reseal(endpointId: string, sealed: string): string | null {
  if (isSealedWithFirstKey(sealed)) return sealed;
  const secret = open(endpointId, sealed);
  return secret === null ? null : sealSecret(secret, boundTo(endpointId));
}
