import { cookies, headers } from "next/headers";
import type { Moment } from "@/lib/connections/pages/status";
import { knownTimeZone } from "@/lib/base/time-zone";
import { startOfDay, type Viewer } from "@/lib/base/times";

export interface Reader {
  viewer: Viewer;
  now: Date;
  moment: Moment;
}

/**
 * Who reads this page, and when: their language from the request, their zone as the page's script last told
 * it.
 */
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

/** The words are English, so only the English way of writing times that the reader prefers counts. */
function localeOf(accepted: string | null): string {
  const [first] = (accepted ?? "").split(",").map((entry) => entry.split(";")[0]?.trim() ?? "");
  return first && /^en-(GB|US|CA|AU|NZ|IE|IN|ZA)$/.test(first) ? first : "en-GB";
}
