import "server-only";
import { createHmac, timingSafeEqual } from "node:crypto";
import { env } from "@/lib/env";
import { printJson, type Json } from "./python-json";

/**
 * Whether SnapTrade signed this webhook: HMAC-SHA256 under our consumer key, or the previous one while it is being changed,
 * over the body as Python prints it again, or over the very bytes (FACTS 6.3). Compared in constant time.
 * @param body the bytes as they came
 * @param parsed what the body says; null when it is no JSON
 * @param signature the header's value, base64
 */
export function isSignedBySnapTrade(body: Uint8Array, parsed: Json | null, signature: string | null): boolean {
  const given = Buffer.from(signature ?? "", "base64");
  // Decoding forgives trailing bits and foreign characters; a signature has one spelling.
  if (given.length !== 32 || given.toString("base64") !== signature) return false;
  const { SNAPTRADE_CONSUMER_KEY, SNAPTRADE_PREVIOUS_CONSUMER_KEY } = env();
  const messages = parsed === null ? [body] : [printJson(parsed), body];
  return [SNAPTRADE_CONSUMER_KEY, SNAPTRADE_PREVIOUS_CONSUMER_KEY].some(
    (key) => key !== undefined && messages.some((message) => timingSafeEqual(createHmac("sha256", key).update(message).digest(), given)),
  );
}
