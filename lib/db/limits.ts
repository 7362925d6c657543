/**
 * Time limits for the database. The server's limits are shorter than ours, so normally the server cancels
 * what takes too long and reports why.
 */
export interface Limits {
  /**
   * Waiting for a free client or a new connection: long enough to wake a sleeping database, within the 10 s
   * that webhook senders wait.
   */
  connectMs: number;
  /**
   * Waiting for a lock. Ours are held for milliseconds, so a longer wait means that the holder hangs;
   * deadlocks are detected after 1 s.
   */
  lockMs: number;
  /**
   * Between two statements of a transaction. Transactions wait for nothing external, so a longer pause means
   * that this process hangs and its locks must be released.
   */
  idleMs: number;
  /** One statement, enforced by the server: far longer than the slowest query. */
  statementMs: number;
  /** One statement, enforced by us: after this the connection is considered dead, not slow. */
  queryMs: number;
  /** A whole transaction. */
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

/** A migration may rewrite a large table, or wait for a concurrent migration. */
export const migrationLimits: Limits = {
  ...usualLimits,
  lockMs: 590_000,
  idleMs: 590_000,
  statementMs: 590_000,
  queryMs: 600_000,
  transactionMs: 600_000,
};

/** An operation exceeded its limit; it may have completed anyway. */
export class TimeLimitError extends Error {
  override name = "TimeLimitError";
}

/**
 * The result of `promise` if it resolves within `ms`; a later result is passed to `late`.
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
