/**
 * Time limits for the database. The server's are shorter than ours, so normally it ends what takes too long
 * and says why.
 */
export interface Limits {
  /**
   * For a free client or a new connection. Enough for a sleeping database to wake up; webhook senders wait 10
   * s in all.
   */
  connectMs: number;
  /**
   * For a lock. Ours are held for milliseconds, so a longer wait means the holder hangs; deadlocks are
   * detected after 1 s.
   */
  lockMs: number;
  /**
   * Between two statements of a transaction. Transactions wait for nothing outside, so this process must be
   * hanging, and its locks must be freed.
   */
  idleMs: number;
  /** For one statement, by the server: far more than the slowest query takes. */
  statementMs: number;
  /** For one statement, by us: after this the connection is silent, not slow. */
  queryMs: number;
  /** For a whole transaction, whatever it does. */
  transactionMs: number;
}

export const usualLimits: Limits = {
  connectMs: 5_000,
  lockMs: 3_000,
  idleMs: 5_000,
  statementMs: 8_000,
  queryMs: 10_000,
  transactionMs: 15_000,
};

/** A migration may rewrite a large table, and waits for a concurrent one to finish. */
export const migrationLimits: Limits = {
  ...usualLimits,
  lockMs: 590_000,
  idleMs: 590_000,
  statementMs: 590_000,
  queryMs: 600_000,
  transactionMs: 600_000,
};

/** Something exceeded its limit; it may have completed all the same. */
export class TimeLimitError extends Error {
  override name = "TimeLimitError";
}

/**
 * The result of `promise`, if it settles within `ms`; a later result goes to `late`.
 * @throws TimeLimitError when it takes longer
 */
export function within<T>(
  ms: number,
  what: string,
  promise: Promise<T>,
  late?: (value: T) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let over = false;
    const timer = setTimeout(() => {
      over = true;
      reject(new TimeLimitError(`${what} took longer than ${ms} ms`));
    }, ms);
    promise.then(
      (value) => {
        clearTimeout(timer);
        if (over) late?.(value);
        else resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error instanceof Error ? error : new Error(String(error)));
      },
    );
  });
}
