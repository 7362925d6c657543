/** The work exceeded its time limit. It may still be running, so it must be harmless if it finishes late. */
export class TimeLimitExceeded extends Error {
  override name = "TimeLimitExceeded";
}

/**
 * Waits for `work`, but no longer than `limitMs`.
 * @throws TimeLimitExceeded, or whatever `work` throws
 */
export async function withinTime<T>(limitMs: number, work: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TimeLimitExceeded(`Not done within ${limitMs} ms`)), limitMs);
  });
  try {
    return await Promise.race([work(), limit]);
  } finally {
    clearTimeout(timer);
  }
}
