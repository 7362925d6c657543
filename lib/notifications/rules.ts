/** "back": the brokerage could not be reached, and the person asked to be told when it is worth trying again. */
export type NoticeKind = "broke" | "reminder-3" | "reminder-7" | "back" | "fixed";

/** Everything that decides whether a notice goes out by e-mail now. Times on our clock. */
export interface NoticeFacts {
  kind: NoticeKind;
  /** When the break was noticed. */
  noticedAt: Date;
  ended: boolean;
  /** The connection is being removed, or its person is leaving. */
  leaving: boolean;
  /** The first e-mail about this episode was sent. */
  told: boolean;
  /** The brokerage is under maintenance, or in a wave of breaks: signing in would not help now. */
  held: boolean;
  /** Only for "back": when the person asked, and whether somebody's sign-in at that brokerage has succeeded since. */
  asked: { at: Date; answeredSince: boolean } | null;
  preference: "all" | "first" | "none";
  /** Minutes of the person's day; equal for no quiet hours. */
  quietFrom: number;
  quietTo: number;
  timeZone: string;
}

export type Decision = { act: "send" } | { act: "wait"; until: Date; held: boolean } | { act: "cancel"; why: string };

const minuteMs = 60_000;
const dayMs = 86_400_000;
/** Breaks so close together are told in one e-mail. */
export const gatherMs = 10 * minuteMs;
/** How soon it is asked again whether the brokerage is well. */
const heldAgainMs = 5 * minuteMs;
/** A brokerage of which nothing bad is known is worth trying again after this long. */
const worthTryingMs = 60 * minuteMs;

/** When an e-mail of this kind is due at the earliest. */
export function dueAt(kind: NoticeKind, noticedAt: Date): Date {
  const after = { broke: gatherMs, "reminder-3": 3 * dayMs, "reminder-7": 7 * dayMs, back: 0, fixed: 0 };
  return new Date(noticedAt.getTime() + after[kind]);
}

/**
 * What happens to a notice's e-mail now: never after the fix, never while the brokerage cannot take a sign-in, never in quiet hours,
 * and none that the person does not want. A receipt goes only to whoever was told of the break.
 */
export function decide(notice: NoticeFacts, now: Date): Decision {
  const { kind, noticedAt, ended, leaving, told, held, asked, preference } = notice;
  // What somebody asked for by name is wanted.
  if (preference === "none" && kind !== "back") return { act: "cancel", why: "not wanted" };
  if (leaving) return { act: "cancel", why: "being removed" };
  if (kind === "fixed" && !told) return { act: "cancel", why: "the break was not told" };
  if (kind !== "fixed" && ended) return { act: "cancel", why: "fixed" };
  if ((kind === "reminder-3" || kind === "reminder-7") && preference === "first") return { act: "cancel", why: "not wanted" };
  const due = dueAt(kind, noticedAt);
  if (kind !== "fixed" && now < due) return { act: "wait", until: due, held: false };
  if (kind !== "fixed" && held) return { act: "wait", until: new Date(now.getTime() + heldAgainMs), held: true };
  if (asked && !asked.answeredSince && now.getTime() < asked.at.getTime() + worthTryingMs) {
    return { act: "wait", until: new Date(now.getTime() + heldAgainMs), held: false };
  }
  const quietUntil = endOfQuiet(notice, now);
  return quietUntil ? { act: "wait", until: quietUntil, held: false } : { act: "send" };
}

/** When the person's quiet hours end, or null when it is none of them now. */
export function endOfQuiet({ quietFrom, quietTo, timeZone }: Pick<NoticeFacts, "quietFrom" | "quietTo" | "timeZone">, now: Date): Date | null {
  if (quietFrom === quietTo) return null;
  const minute = minuteOfDay(now, timeZone);
  const quiet = quietFrom < quietTo ? minute >= quietFrom && minute < quietTo : minute >= quietFrom || minute < quietTo;
  if (!quiet) return null;
  const minutesLeft = (quietTo - minute + 1440) % 1440;
  const begunMs = now.getTime() - (now.getTime() % minuteMs);
  return new Date(begunMs + minutesLeft * minuteMs);
}

function minuteOfDay(at: Date, timeZone: string): number {
  const parts = new Intl.DateTimeFormat("en-GB", { timeZone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).formatToParts(at);
  const part = (type: string) => Number(parts.find((one) => one.type === type)?.value ?? 0);
  return part("hour") * 60 + part("minute");
}
