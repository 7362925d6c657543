/** The interval in which an answer may have been true, on the server's clock. */
export interface AnswerInterval {
  askedAt: Date;
  answeredAt: Date;
}

/** A Date header is truncated to whole seconds. */
const resolutionMs = 1_000;
/**
 * A clock that is further ahead of ours than this is not believed; its answers would outweigh all that
 * follow.
 */
const believedAheadMs = 5 * 60_000;
/** Two clocks drift apart by at most this fraction of the elapsed time. */
const drift = 1e-4;

interface Offset {
  /** How many milliseconds the server's clock is ahead of ours, at least and at most. */
  least: number;
  most: number;
}

/**
 * Dates answers on the server's clock, from their Date headers (docs/snaptrade.md §7.3) and our own times of
 * question and answer. Each answer bounds the offset between the clocks to about a second; together they
 * bound it much more tightly, so that two questions within one second keep their order. An answer from a
 * cache speaks for the moment at which it was kept.
 */
export function createServerClock() {
  let known: (Offset & { at: number }) | null = null;

  function widened(now: number): Offset | null {
    if (!known) return null;
    const slack = Math.abs(now - known.at) * drift;
    return { least: known.least - slack, most: known.most + slack };
  }

  /**
   * @param date the Date header in milliseconds; null when there was none
   * @param asked our clock, like `received`
   * @param age the Age header in milliseconds: how long a cache had kept the answer
   */
  return function intervalOf(date: number | null, asked: number, received: number, age = 0): AnswerInterval {
    const cached = age > 0 ? { least: age, most: age + resolutionMs } : { least: 0, most: 0 };
    const dated = (offset: Offset) => toInterval(offset, asked - cached.most, received - cached.least);
    const before = widened(received);
    if (date === null || Number.isNaN(date) || date + cached.least - received > believedAheadMs)
      return dated(before ?? { least: 0, most: 0 });
    const bounds = { least: date + cached.least - received, most: date + cached.most + resolutionMs - asked };
    const both = before && {
      least: Math.max(before.least, bounds.least),
      most: Math.min(before.most, bounds.most),
    };
    // Bounds that exclude each other mean that one of the clocks was set. A cache that doesn't tell the age
    // of what it kept looks the same.
    const now = both && both.least <= both.most ? both : bounds;
    known = { ...now, at: received };
    return dated(now);
  };
}

const toInterval = ({ least, most }: Offset, asked: number, received: number): AnswerInterval => ({
  askedAt: new Date(Math.floor(asked + least)),
  answeredAt: new Date(Math.ceil(received + most)),
});
