/**
 * What one answer's headers say about the rate limit (docs/snaptrade.md §1.11, §8.22), in any format; a field
 * is absent when its header is unreadable.
 */
export interface ToldLimits {
  limit: number | undefined;
  remaining: number | undefined;
  resetSeconds: number | undefined;
  retryAfterSeconds: number | undefined;
}

/** A number of seconds above this (2001 as a Unix time) is a point in time, not a wait. */
const unixTimeFrom = 1e9;
const unixMillisecondsFrom = 1e12;

/** @param answeredAt SnapTrade's clock, which the times in its headers are on */
export function readLimits(header: (name: string) => string | undefined, answeredAt: Date): ToldLimits {
  return {
    limit: readNumber(header("x-ratelimit-limit")),
    remaining: readNumber(header("x-ratelimit-remaining")),
    resetSeconds: readWait(header("x-ratelimit-reset"), answeredAt),
    retryAfterSeconds: readWait(header("retry-after"), answeredAt),
  };
}

/** A wait in seconds, or the time when it ends, as an HTTP date or a Unix time. */
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
