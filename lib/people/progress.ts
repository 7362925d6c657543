import "server-only";

const windowMs = 120_000;

/**
 * Estimates the time left from the last two minutes, because lines that need no read are much faster than the
 * others.
 * @param size the whole input, in bytes
 * @returns a function of how many bytes are done and our clock in milliseconds; it returns the seconds left,
 * or null while there is too little to go by
 */
export function createEstimate(size: number): (bytes: number, nowMs: number) => number | null {
  let samples: { bytes: number; at: number }[] = [];
  return (bytes, nowMs) => {
    samples = [...samples.filter(({ at }) => nowMs - at <= windowMs), { bytes, at: nowMs }];
    const [first] = samples;
    if (!first || nowMs - first.at < 1_000 || bytes <= first.bytes) return null;
    const perMs = (bytes - first.bytes) / (nowMs - first.at);
    return Math.ceil(Math.max(0, size - bytes) / perMs / 1_000);
  };
}

/** Such as "2 h 5 min", "4 min", or "30 s". */
export function inWords(seconds: number): string {
  if (seconds < 90) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
