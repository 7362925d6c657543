import "server-only";

const zones = new Set([...Intl.supportedValuesOf("timeZone"), "UTC"]);

/** The canonical name of the time zone that a browser reported, or null if it isn't a time zone. */
export function knownTimeZone(reported: string): string | null {
  if (zones.has(reported)) return reported;
  if (!/^[A-Za-z][\w+\-/]{1,63}$/.test(reported)) return null;
  try {
    const name = new Intl.DateTimeFormat("en", { timeZone: reported }).resolvedOptions().timeZone;
    return zones.has(name) || /^Etc\/GMT[+-]\d{1,2}$/.test(name) ? name : null;
  } catch {
    return null;
  }
}
