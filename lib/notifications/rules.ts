/**
 * "when-back": the brokerage was unavailable, and the person asked to be notified when it is worth trying
 * again.
 */
export type NoticeKind = "broke" | "reminder-3" | "reminder-7" | "when-back" | "fixed";

/** The topic of one e-mail: connections that need reconnecting, or connections that work again. */
export type Topic = "repair" | "receipt";
export const topicOf = (kind: NoticeKind): Topic => (kind === "fixed" ? "receipt" : "repair");

/** Everything that decides whether a notice goes out by e-mail now. Times on our clock. */
export interface NoticeFacts {
  kind: NoticeKind;
  /** When the break was noticed. */
  noticedAt: Date;
  createdAt: Date;
  ended: boolean;
  /** The connection is being removed, or the person's account is being deleted. */
  leaving: boolean;
  /** Whether an e-mail about this break was sent; null while one may be on its way. */
  notified: boolean | null;
  /** The current state of the connection; it counts as working only if no later break is open either. */
  present: "works" | "broken" | "broken-and-notified" | "gone";
  /** Why signing in at the brokerage would not work now, or null. */
  held: string | null;
  /** Another e-mail to this person is due, so this notice doesn't have to wait its full time. */
  joins: boolean;
  /**
   * Only for "when-back": when the person asked, and whether anyone's sign-in at that brokerage has succeeded
   * since.
   */
  asked: { at: Date; answeredSince: boolean } | null;
  preference: "all" | "first" | "none";
  /** Whether we know an e-mail address; if not, the notice stays in the app and its e-mail ends here. */
  hasAddress: boolean;
  /** Quiet hours in minutes of the person's day; equal values mean no quiet hours. */
  quietFrom: number;
  quietTo: number;
  timeZone: string;
}

/** "hold" waits until the brokerage recovers, however long that takes. */
export type Decision =
  | { act: "send" }
  | { act: "wait"; until: Date }
  | { act: "hold"; why: string }
  | { act: "cancel"; why: string };

const minuteMs = 60_000;
const dayMs = 86_400_000;
/** Breaks this close together go into one e-mail, once the first of them has waited this long. */
const gatherMs = 10 * minuteMs;
/** The same for repairs. */
const gatherReceiptsMs = 2 * minuteMs;
const gatherRemindersMs = 12 * 60 * minuteMs;
/** How soon to check again whether anyone's sign-in succeeded. */
const answeredAgainMs = 5 * minuteMs;
/** How soon to check again whether the e-mail about the break was sent. */
const notifiedAgainMs = minuteMs;
/** How long to wait for another repair when a connection stops again before its receipt goes out. */
const stoppedAgainMs = 5 * minuteMs;
/** For how long a repair is news: longer than quiet hours and the attempts of one e-mail take together. */
const receiptIsNewsMs = 2 * dayMs;
/** How long until a brokerage with no known problem is worth trying again. */
const worthTryingMs = 60 * minuteMs;

/**
 * The earliest time at which an e-mail of this kind is due; for "fixed", pass when the repair was recorded.
 */
export function dueAt(kind: NoticeKind, noticedAt: Date): Date {
  const after = {
    broke: gatherMs,
    "reminder-3": 3 * dayMs,
    "reminder-7": 7 * dayMs,
    "when-back": 0,
    fixed: gatherReceiptsMs,
  };
  return new Date(noticedAt.getTime() + after[kind]);
}

/**
 * How much earlier than planned a notice may join another e-mail to the same person on the same topic, in
 * milliseconds.
 */
export function joinWithinMs(kind: NoticeKind): number {
  if (kind === "fixed") return gatherReceiptsMs;
  return kind === "broke" || kind === "when-back" ? gatherMs : gatherRemindersMs;
}

/**
 * Decides what happens to a notice's e-mail now. It is never sent after the fix, while the brokerage can't
 * take a sign-in, in quiet hours, or if the person doesn't want it. A receipt goes only to someone who was
 * notified of the break, only while the connection works, and only within two days.
 */
export function decide(notice: NoticeFacts, now: Date): Decision {
  if (!notice.hasAddress) return { act: "cancel", why: "no-address" };
  // The person explicitly asked for this one.
  if (notice.preference === "none" && notice.kind !== "when-back")
    return { act: "cancel", why: "not wanted" };
  if (notice.leaving) return { act: "cancel", why: "being removed" };
  const obstacle = notice.kind === "fixed" ? decideReceipt(notice, now) : decideRepair(notice, now);
  if (obstacle) return obstacle;
  const quietUntil = endOfQuiet(notice, now);
  return quietUntil ? { act: "wait", until: quietUntil } : { act: "send" };
}

function decideRepair(
  { kind, noticedAt, ended, present, held, joins, asked, preference }: NoticeFacts,
  now: Date,
): Decision | null {
  if (ended || present === "works" || present === "gone") return { act: "cancel", why: "fixed" };
  if ((kind === "reminder-3" || kind === "reminder-7") && preference === "first")
    return { act: "cancel", why: "not wanted" };
  const due = dueAt(kind, noticedAt);
  if (!joins && now < due) return { act: "wait", until: due };
  if (held) return { act: "hold", why: held };
  if (!asked || asked.answeredSince || now.getTime() >= asked.at.getTime() + worthTryingMs) return null;
  return { act: "wait", until: new Date(now.getTime() + answeredAgainMs) };
}

function decideReceipt({ notified, present, createdAt }: NoticeFacts, now: Date): Decision | null {
  if (present === "gone") return { act: "cancel", why: "removed" };
  // A repair can be recorded while the e-mail about its break is leaving.
  if (notified === null) return { act: "wait", until: new Date(now.getTime() + notifiedAgainMs) };
  if (!notified) return { act: "cancel", why: "not notified of the break" };
  if (present === "works")
    return now.getTime() > createdAt.getTime() + receiptIsNewsMs ? { act: "cancel", why: "too late" } : null;
  if (present === "broken-and-notified" || now.getTime() > createdAt.getTime() + dayMs)
    return { act: "cancel", why: "stopped again" };
  return { act: "wait", until: new Date(now.getTime() + stoppedAgainMs) };
}

/** When the person's current quiet hours end; null outside quiet hours. */
export function endOfQuiet(
  hours: Pick<NoticeFacts, "quietFrom" | "quietTo" | "timeZone">,
  now: Date,
): Date | null {
  if (!isQuiet(hours, now)) return null;
  const { quietTo, timeZone } = hours;
  const minutesLeft = (quietTo - minuteOfDay(now, timeZone) + 1440) % 1440;
  const begunMs = now.getTime() - (now.getTime() % minuteMs);
  const end = new Date(begunMs + minutesLeft * minuteMs);
  // If the clocks go forward in between, quiet hours end early; if they go back, we simply check again.
  const lateMinutes = (minuteOfDay(end, timeZone) - quietTo + 1440) % 1440;
  const earlier = new Date(end.getTime() - lateMinutes * minuteMs);
  return lateMinutes <= 120 && !isQuiet(hours, earlier) ? earlier : end;
}

function isQuiet(
  { quietFrom, quietTo, timeZone }: Pick<NoticeFacts, "quietFrom" | "quietTo" | "timeZone">,
  at: Date,
): boolean {
  if (quietFrom === quietTo) return false;
  const minute = minuteOfDay(at, timeZone);
  return quietFrom < quietTo
    ? minute >= quietFrom && minute < quietTo
    : minute >= quietFrom || minute < quietTo;
}

function minuteOfDay(at: Date, timeZone: string): number {
  const options = {
    timeZone: knownZone(timeZone),
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  } as const;
  const parts = new Intl.DateTimeFormat("en-GB", options).formatToParts(at);
  const part = (type: string) => Number(parts.find((one) => one.type === type)?.value ?? 0);
  return part("hour") * 60 + part("minute");
}

/**
 * The zone itself, or UTC if this runtime doesn't know it: a malformed zone must not cost its owner every
 * e-mail.
 */
export function knownZone(timeZone: string): string {
  try {
    return new Intl.DateTimeFormat("en", { timeZone }).resolvedOptions().timeZone;
  } catch {
    return "UTC";
  }
}
