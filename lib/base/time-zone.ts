import "server-only";

const zones = new Set([...Intl.supportedValuesOf("timeZone"), "UTC"]);

/** The canonical name of the time zone that a browser reported, or null when it isn't one. */
export function knownTimeZone(told: string): string | null {
  if (zones.has(told)) return told;
  if (!/^[A-Za-z][\w+\-/]{1,63}$/.test(told)) return null;
  try {
    const name = new Intl.DateTimeFormat("en", { timeZone: told }).resolvedOptions().timeZone;
    return zones.has(name) || /^Etc\/GMT[+-]\d{1,2}$/.test(name) ? name : null;
  } catch {
    return null;
  }
}
