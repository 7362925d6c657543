import { cookies, headers } from "next/headers";
import type { Moment } from "@/lib/connections/pages/status";
import { knownTimeZone } from "@/lib/base/time-zone";
import { startOfDay, type Viewer } from "@/lib/base/times";

export interface Reader {
  viewer: Viewer;
  now: Date;
  moment: Moment;
}

/** The same reader, whom the company says to write in this locale. */
export function readingIn(reader: Reader, locale: string | null): Reader {
  return locale
    ? { ...reader, viewer: { ...reader.viewer, locale: knownLocale(locale) ?? reader.viewer.locale } }
    : reader;
}

/** Who is reading this page, and when: the locale comes from the request, the zone from a cookie we set. */
export async function getReader(): Promise<Reader> {
  const timeZone = knownTimeZone((await cookies()).get("time-zone")?.value ?? "");
  const viewer = {
    locale: localeOf((await headers()).get("accept-language")),
    timeZone: timeZone ?? "UTC",
    zoneKnown: timeZone !== null,
  };
  const now = new Date();
  return { viewer, now, moment: { now, dayStartedAt: startOfDay(viewer, now) } };
}

function localeOf(accepted: string | null): string {
  const [first] = (accepted ?? "").split(",").map((entry) => entry.split(";")[0]?.trim() ?? "");
  return knownLocale(first ?? "") ?? "en-GB";
}

/** The pages are in English, so only an English locale can decide how times are written. */
function knownLocale(locale: string): string | null {
  return /^en-(GB|US|CA|AU|NZ|IE|IN|ZA)$/i.test(locale) ? locale : null;
}
