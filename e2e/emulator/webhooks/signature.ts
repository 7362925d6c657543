import { createHmac, timingSafeEqual } from "node:crypto";

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/**
 * Whether `signature` covers this request (docs/snaptrade.md §1.2). It is over the query as sent, so `target`
 * must be the raw request target, neither decoded nor reordered.
 */
export function isSigned(consumerKey: string, target: string, body: string, signature: string): boolean {
  const canonical = canonicalRequest(target, body);
  return [canonical, escapeNonAscii(canonical)].some((text) => sameText(sign(consumerKey, text), signature));
}

export function canonicalRequest(target: string, body: string): string {
  const cut = target.indexOf("?");
  const path = cut < 0 ? target : target.slice(0, cut);
  const query = cut < 0 ? "" : target.slice(cut + 1);
  const content = body === "" ? null : withSortedKeys(JSON.parse(body) as Json);
  const isEmpty =
    content !== null &&
    typeof content === "object" &&
    !Array.isArray(content) &&
    Object.keys(content).length === 0;
  return JSON.stringify({ content: isEmpty ? null : content, path, query });
}

export function sign(consumerKey: string, canonical: string): string {
  return createHmac("sha256", encodeURI(consumerKey)).update(canonical).digest("base64");
}

function withSortedKeys(value: Json): Json {
  if (Array.isArray(value)) return value.map(withSortedKeys);
  if (value === null || typeof value !== "object") return value;
  const sorted = Object.keys(value)
    .sort()
    .map((name): [string, Json] => [name, withSortedKeys(value[name] ?? null)]);
  return Object.fromEntries(sorted);
}

/**
 * Python clients sign non-ASCII characters escaped; it isn't public which form the server expects
 * (docs/snaptrade.md §8.23).
 */
function escapeNonAscii(json: string): string {
  return json.replace(/[^\x00-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function sameText(expected: string, given: string): boolean {
  const [a, b] = [Buffer.from(expected), Buffer.from(given)];
  return a.length === b.length && timingSafeEqual(a, b);
}
