/** The interval in which an answer was true at some moment, on the server's clock. */
export interface AnswerInterval {
  askedAt: Date;
  answeredAt: Date;
}

/** A Date header is truncated to whole seconds. */
const resolutionMs = 1_000;
/**
 * A clock further ahead of ours than this is not trusted; its answers would outweigh everything that follows.
 */
const believedAheadMs = 5 * 60_000;
/** Two clocks drift apart by at most this fraction of the elapsed time. */
const drift = 1e-4;

interface Offset {
  /** How many milliseconds the server's clock is ahead of ours, at least and at most. */
  minMs: number;
  maxMs: number;
}

/**
 * Dates answers on the server's clock, from their Date headers (docs/snaptrade.md §7.3) and our own times of
 * request and answer. One answer bounds the offset between the clocks to about a second; together they bound
 * it much more tightly, so that two requests within one second keep their order. A cached answer is dated to
 * when it was cached.
 */
export function createServerClock() {
  let known: (Offset & { at: number }) | null = null;

  function widened(now: number): Offset | null {
    if (!known) return null;
    const slack = Math.abs(now - known.at) * drift;
    return { minMs: known.minMs - slack, maxMs: known.maxMs + slack };
  }

  /**
   * @param date the Date header in milliseconds; null if there was none
   * @param asked when we sent the request, on our clock; `received` is when the answer arrived
   * @param age the Age header in milliseconds: how long a cache had held the answer
   */
  return function intervalOf(date: number | null, asked: number, received: number, age = 0): AnswerInterval {
    const cached = age > 0 ? { minMs: age, maxMs: age + resolutionMs } : { minMs: 0, maxMs: 0 };
    const dated = (offset: Offset) => toInterval(offset, asked - cached.maxMs, received - cached.minMs);
    const before = widened(received);
    if (date === null || Number.isNaN(date) || date + cached.minMs - received > believedAheadMs)
      return dated(before ?? { minMs: 0, maxMs: 0 });
    const bounds = {
      minMs: date + cached.minMs - received,
      maxMs: date + cached.maxMs + resolutionMs - asked,
    };
    const both = before && {
      minMs: Math.max(before.minMs, bounds.minMs),
      maxMs: Math.min(before.maxMs, bounds.maxMs),
    };
    // Contradictory bounds mean that one of the clocks was reset, or that a cache did not report the age of
    // its answer.
    const now = both && both.minMs <= both.maxMs ? both : bounds;
    known = { ...now, at: received };
    return dated(now);
  };
}

const toInterval = ({ minMs, maxMs }: Offset, asked: number, received: number): AnswerInterval => ({
  askedAt: new Date(Math.floor(asked + minMs)),
  answeredAt: new Date(Math.ceil(received + maxMs)),
});
