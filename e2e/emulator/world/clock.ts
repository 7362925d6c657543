/** "2026-09-21T13:33:20.590000+00:00", the way SnapTrade writes most times. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString().replace("Z", "000+00:00");
}

/**
 * disabled_date has a different offset (Toronto's), so comparing times as text fails here as it would in
 * production (docs/snaptrade.md §7.1).
 */
export function isoTimeWithOffset(ms: number): string {
  return new Date(ms - 5 * 3_600_000).toISOString().replace("Z", "000-05:00");
}

/** The holdings time has a space in place of the "T". */
export function syncTime(ms: number): string {
  return isoTime(ms).replace("T", " ");
}

export function isoDate(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

export const minutes = (n: number) => n * 60_000;
export const days = (n: number) => n * 86_400_000;
