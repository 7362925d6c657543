import "server-only";
import { createHmac, createSecretKey, timingSafeEqual, type KeyObject } from "node:crypto";
import { env } from "@/lib/base/env";

let keys: KeyObject[] | undefined;

/**
 * The consumer key, and the previous one during a key rotation; webhooks are signed with the raw key
 * (docs/snaptrade.md §6.6).
 */
function consumerKeys(): KeyObject[] {
  const { SNAPTRADE_CONSUMER_KEY, SNAPTRADE_PREVIOUS_CONSUMER_KEY } = env();
  keys ??= [SNAPTRADE_CONSUMER_KEY, SNAPTRADE_PREVIOUS_CONSUMER_KEY].flatMap((key) =>
    key ? createSecretKey(key, "utf8") : [],
  );
  return keys;
}

/**
 * True if SnapTrade signed this webhook: HMAC-SHA256 under our consumer key, or the previous one during a key
 * rotation, over the body as Python prints it or over the exact bytes (docs/snaptrade.md §6.6, §8.5).
 * Compares in constant time.
 * @param body the bytes as received
 * @param canonical the body as Python prints it; null if it is not JSON
 * @param signature the header's value in base64
 */
export function isSignedBySnapTrade(
  body: Uint8Array,
  canonical: string | null,
  signature: string | null,
): boolean {
  const given = Buffer.from(signature ?? "", "base64");
  // Decoding ignores trailing bits and foreign characters, so require the one canonical spelling of the
  // signature.
  if (given.length !== 32 || given.toString("base64") !== signature) return false;
  const messages = canonical === null ? [body] : [canonical, body];
  return consumerKeys().some((key) =>
    messages.some((message) => timingSafeEqual(createHmac("sha256", key).update(message).digest(), given)),
  );
}
