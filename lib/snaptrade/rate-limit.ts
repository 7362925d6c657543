/**
 * The rate limit that one answer's headers report (docs/snaptrade.md §1.11, §8.22), in any format; a field is
 * undefined if its header is missing or unreadable.
 */
interface ReportedLimits {
  limit: number | undefined;
  remaining: number | undefined;
  resetSeconds: number | undefined;
  retryAfterSeconds: number | undefined;
}

/** A number above this (2001 as a Unix time) is a point in time, not a wait in seconds. */
const unixTimeFrom = 1e9;
const unixMillisecondsFrom = 1e12;

/**
 * Reads the rate limit headers.
 * @param answeredAt when SnapTrade answered, on its own clock, which the times in its headers use
 */
export function readLimits(header: (name: string) => string | undefined, answeredAt: Date): ReportedLimits {
  return {
    limit: readNumber(header("x-ratelimit-limit")),
    remaining: readNumber(header("x-ratelimit-remaining")),
    resetSeconds: readWait(header("x-ratelimit-reset"), answeredAt),
    retryAfterSeconds: readWait(header("retry-after"), answeredAt),
  };
}

/** In seconds: a wait, or the time until an HTTP date or Unix time. */
function readWait(text: string | undefined, answeredAt: Date): number | undefined {
  const number = readNumber(text);
  if (number !== undefined) {
    if (number < unixTimeFrom) return number;
    const endsAt = number < unixMillisecondsFrom ? number * 1000 : number;
    return Math.max(0, (endsAt - answeredAt.getTime()) / 1000);
  }
  const endsAt = text && /^[A-Za-z]{3,9},? /.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(endsAt) ? undefined : Math.max(0, (endsAt - answeredAt.getTime()) / 1000);
}

function readNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : undefined;
}
