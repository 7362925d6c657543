import type { Allowance } from "../world/rate-limit";

/** Formats of the three rate-limit headers; only the usual one is documented. */
export const rateHeaderForms = [
  "usual",
  "none",
  "unix-reset",
  "zero-limit",
  "one-remaining",
  "negative",
  "words",
] as const;
type RateHeaderForm = (typeof rateHeaderForms)[number];

/** Formats of `Retry-After` on a 429; HTTP defines the first two. */
export const retryAfterForms = ["seconds", "date", "none"] as const;
type RetryAfterForm = (typeof retryAfterForms)[number];

type RateValues = [limit: number | string, remaining: number | string, reset: number | string];

function rateValues(
  form: Exclude<RateHeaderForm, "none">,
  { limit, remaining }: Allowance,
  resetSeconds: number,
  now: number,
): RateValues {
  switch (form) {
    case "usual":
      return [limit, remaining, resetSeconds];
    case "unix-reset":
      return [limit, remaining, Math.ceil(now / 1000) + resetSeconds];
    case "zero-limit":
      return [0, 0, resetSeconds];
    case "one-remaining":
      return [limit, 1, resetSeconds];
    case "negative":
      return [-1, -1, -1];
    case "words":
      return ["unlimited", "plenty", "soon"];
  }
}

/**
 * Writes the rate-limit headers. A `Retry-After` that is already set holds the seconds until requests are
 * allowed again.
 */
export function writeRateHeaders(
  headers: Headers,
  forms: { rate: RateHeaderForm; retryAfter: RetryAfterForm },
  allowance: Allowance,
  now: number,
) {
  const retryAfter = headers.get("Retry-After");
  if (forms.rate !== "none") {
    const [limit, remaining, reset] = rateValues(
      forms.rate,
      allowance,
      Number(retryAfter ?? allowance.resetSeconds),
      now,
    );
    headers.set("X-RateLimit-Limit", String(limit));
    headers.set("X-RateLimit-Remaining", String(remaining));
    headers.set("X-RateLimit-Reset", String(reset));
  }
  if (retryAfter === null) return;
  if (forms.retryAfter === "none") headers.delete("Retry-After");
  if (forms.retryAfter === "date")
    headers.set("Retry-After", new Date(now + Number(retryAfter) * 1000).toUTCString());
}
