import "server-only";
import { createHmac, createSecretKey, timingSafeEqual, type KeyObject } from "node:crypto";
import { env } from "@/lib/base/env";

let keys: KeyObject[] | undefined;

/**
 * The consumer key, and the previous one while it is being changed; the raw key signs webhooks
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
 * Whether SnapTrade signed this webhook: HMAC-SHA256 under our consumer key, or the previous one while it is
 * being changed, over the body as Python prints it again, or over the very bytes (docs/snaptrade.md §6.6,
 * §8.5). Compared in constant time.
 * @param body the bytes as they came
 * @param canonical the body as Python prints it again; null when it is no JSON
 * @param signature the header's value, base64
 */
export function isSignedBySnapTrade(
  body: Uint8Array,
  canonical: string | null,
  signature: string | null,
): boolean {
  const given = Buffer.from(signature ?? "", "base64");
  // Decoding forgives trailing bits and foreign characters; a signature has one spelling.
  if (given.length !== 32 || given.toString("base64") !== signature) return false;
  const messages = canonical === null ? [body] : [canonical, body];
  return consumerKeys().some((key) =>
    messages.some((message) => timingSafeEqual(createHmac("sha256", key).update(message).digest(), given)),
  );
}
