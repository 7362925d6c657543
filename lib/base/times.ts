/**
 * Who times are formatted for: their language and zone. `zoneKnown` is false while the zone is only the
 * server's guess.
 */
export interface Viewer {
  locale: string;
  timeZone: string;
  zoneKnown: boolean;
}

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const space = "\u00a0";

const formats = new Map<string, Intl.DateTimeFormat>();
const maxFormats = 500;

function format(viewer: Viewer, at: Date, options: Intl.DateTimeFormatOptions): string {
  const key = `${viewer.locale} ${viewer.timeZone} ${JSON.stringify(options)}`;
  const known =
    formats.get(key) ?? new Intl.DateTimeFormat(viewer.locale, { timeZone: viewer.timeZone, ...options });
  // Ordered by last use, so that the first entry is the one to evict.
  formats.delete(key);
  formats.set(key, known);
  for (const [oldest] of formats) if (formats.size > maxFormats) formats.delete(oldest);
  return known.format(at).replaceAll(/[ \u202f]/g, space);
}

const inUtc = (viewer: Viewer) => (viewer.zoneKnown ? "" : `${space}UTC`);

/** "14:03" */
export function clock(viewer: Viewer, at: Date): string {
  return format(viewer, at, { hour: "2-digit", minute: "2-digit" }) + inUtc(viewer);
}

/** "14:03:27", for evidence and timelines. */
export function clockSeconds(viewer: Viewer, at: Date): string {
  return format(viewer, at, { hour: "2-digit", minute: "2-digit", second: "2-digit" }) + inUtc(viewer);
}

/** "Tue 17 Nov", with the year if it differs from the current one. */
export function dayName(viewer: Viewer, at: Date, now: Date): string {
  const otherYear = format(viewer, at, { year: "numeric" }) !== format(viewer, now, { year: "numeric" });
  if (otherYear) return dateName(viewer, at);
  return format(viewer, at, { weekday: "short", day: "numeric", month: "short" }).replace(",", "");
}

/** "14 Mar 2025" */
export function dateName(viewer: Viewer, at: Date): string {
  return format(viewer, at, { day: "numeric", month: "short", year: "numeric" });
}

/** "Today", or the day's name. */
export function dayLabel(viewer: Viewer, at: Date, now: Date): string {
  return isSameDay(viewer, at, now) ? "Today" : dayName(viewer, at, now);
}

/** "today, 13:22" or "Tue 17 Nov, 09:12" */
export function dayClock(viewer: Viewer, at: Date, now: Date): string {
  return `${isSameDay(viewer, at, now) ? "today" : dayName(viewer, at, now)},${space}${clock(viewer, at)}`;
}

/** "today at 14:03" or "on Tue 17 Nov at 09:14" */
export function dayAt(viewer: Viewer, at: Date, now: Date, time = clock): string {
  return `${isSameDay(viewer, at, now) ? "today" : `on ${dayName(viewer, at, now)}`} at${space}${time(viewer, at)}`;
}

/** "Tue 17 Nov at 09:14", for text that is read later than it is written. */
export function dayAndTime(viewer: Viewer, at: Date, now: Date): string {
  return `${dayName(viewer, at, now)} at${space}${clock(viewer, at)}`;
}

/** "just now", "3 minutes ago", up to seven days; then "on 17 Nov". */
export function ago(viewer: Viewer, at: Date, now: Date): string {
  const passed = now.getTime() - at.getTime();
  if (passed < minute) return "just now";
  if (passed < hour) return `${count(Math.floor(passed / minute), "minute")} ago`;
  if (passed < day) return `${count(Math.floor(passed / hour), "hour")} ago`;
  if (passed <= 7 * day) return `${count(Math.floor(passed / day), "day")} ago`;
  return `on ${format(viewer, at, { day: "numeric", month: "short" })}`;
}

/** "3 days, 4 h 49 min"; under a minute in seconds. */
export function duration(ms: number): string {
  if (ms < minute) return count(Math.max(1, Math.round(ms / 1000)), "second");
  const days = Math.floor(ms / day);
  const hours = Math.floor((ms % day) / hour);
  const minutes = Math.floor((ms % hour) / minute);
  const clockPart = [hours ? `${hours}${space}h` : "", minutes ? `${minutes}${space}min` : ""]
    .filter(Boolean)
    .join(space);
  return [days ? count(days, "day") : "", clockPart].filter(Boolean).join(", ");
}

/** The full date and time with zone, for a tooltip. */
export function fullTime(viewer: Viewer, at: Date): string {
  return format(viewer, at, { dateStyle: "full", timeStyle: "long" });
}

/** When the current day started in the reader's time zone. */
export function startOfDay(viewer: Viewer, now: Date): Date {
  // Days on which the clocks change differ in length, so the start is searched for rather than computed.
  let start = now.getTime() - (now.getTime() % (15 * minute));
  while (isSameDay(viewer, new Date(start - 1), now)) start -= 15 * minute;
  return new Date(start);
}

/** "1 account", "3 accounts" */
export function count(number: number, noun: string): string {
  return `${number}${space}${noun}${number === 1 ? "" : "s"}`;
}

function isSameDay(viewer: Viewer, one: Date, other: Date): boolean {
  const dayOf = (at: Date) => format(viewer, at, { year: "numeric", month: "numeric", day: "numeric" });
  return dayOf(one) === dayOf(other);
}

/** The newest of these moments, or null when there is none. */
export function newestOf(moments: (Date | null)[]): Date | null {
  const known = moments.flatMap((at) => (at ? [at.getTime()] : []));
  return known.length > 0 ? new Date(Math.max(...known)) : null;
}
