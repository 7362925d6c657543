import { cookies, headers } from "next/headers";
import type { Moment } from "@/lib/connections/status";
import { startOfDay, type Viewer } from "@/lib/times";

export interface Reader {
  viewer: Viewer;
  now: Date;
  moment: Moment;
}

/** Who reads this page, and when: their language from the request, their zone as the page's script last told it. */
export async function getReader(): Promise<Reader> {
  const told = (await cookies()).get("time-zone")?.value;
  const timeZone = told && isTimeZone(decodeURIComponent(told)) ? decodeURIComponent(told) : null;
  const viewer = { locale: localeOf((await headers()).get("accept-language")), timeZone: timeZone ?? "UTC", zoneKnown: timeZone !== null };
  const now = new Date();
  return { viewer, now, moment: { now, dayStartedAt: startOfDay(viewer, now) } };
}

/** The words are English, so only the English way of writing times that the reader prefers counts. */
function localeOf(accepted: string | null): string {
  const [first] = (accepted ?? "").split(",").map((entry) => entry.split(";")[0]?.trim() ?? "");
  return first && /^en-(GB|US|CA|AU|NZ|IE|IN|ZA)$/.test(first) ? first : "en-GB";
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
