import type { PortalFailure, PortalIntent, PortalOutcome, ReportedResult } from "@/lib/connections/views";

/** What is known about the connection that a session is for. Times are on SnapTrade's clock. */
export interface PortalConnection {
  id: string;
  state: "enabled" | "disabled" | "deleted";
  /** The newest observation of any kind. */
  observedAt: Date;
  /** The newest read; events don't count. */
  readAt: Date | null;
  readState: "enabled" | "disabled" | "deleted" | null;
  access: "read" | "trade";
  /** When SnapTrade last said that the connection changed. */
  updatedAt: Date | null;
  /** When the newest repaired episode ended, and when the open one began. */
  fixedAt: Date | null;
  brokeAt: Date | null;
}

export interface PortalFacts {
  /**
   * For "renew" and "allow-trading", a working connection proves nothing, because it worked before: SnapTrade
   * must also say that someone signed in.
   */
  intent: PortalIntent;
  /** SnapTrade's clock. */
  openedAt: Date;
  reportedResult: ReportedResult | null;
  /** Our clock: when the report reached us, and when the browser said that the visit was over. */
  reportedAt: Date | null;
  leftAt: Date | null;
  /** The result of the sign-in, as reported by SnapTrade's webhook (docs/snaptrade.md §6.4). */
  signInResult: string | null;
  /** The connection to repair, or the one this session made; null when there is none. */
  connection: PortalConnection | null;
  /** A connection at the same brokerage that appeared during a session meant to repair another one. */
  secondConnectionId: string | null;
  /**
   * The person has another working connection at this brokerage, so the sign-in may have been for that one.
   */
  hasOther: boolean;
  /** Our clock: when the last successful look began, and the last failed one since then. */
  lookedAt: Date | null;
  lookFailedAt: Date | null;
}

export const unconfirmedAfterSeconds = 60;
/**
 * How exactly `openedAt` is known: it derives from `Date` headers, which have whole seconds
 * (docs/snaptrade.md §7.3).
 */
const openedWithinMs = 1_000;

const failureOfCode: Partial<Record<string, PortalFailure>> = {
  "1023": "different-login",
  DIFFERENT_ACCOUNT: "different-login",
  "1066": "sign-in-refused",
  INVALID_CREDENTIALS: "sign-in-refused",
  "1086": "code-refused",
  INVALID_MFA_CODE: "code-refused",
  "1140": "key-not-allowed",
  "3000": "brokerage-unreachable",
  "1006": "expired",
  AUTH_EXPIRED: "expired",
  AUTH_NOT_IN_PROGRESS: "expired",
  "1012": "our-side",
  "0000": "our-side",
};

/**
 * The failure behind a portal error code or a sign-in result (docs/snaptrade.md §4.6, §4.11, §6.4);
 * "unexplained" for all others.
 */
export function failureOf(code: string | null): PortalFailure {
  return (code ? failureOfCode[code] : undefined) ?? "unexplained";
}

/**
 * Concludes a portal session from what SnapTrade said after it began; the browser's report affects only the
 * wording. Success takes a read that agrees (docs/snaptrade.md §8.12) or, while SnapTrade can't be read, its
 * signed event. Failure takes a look after the visit that shows no repair.
 * @param now our clock
 */
export function outcomeOf(session: PortalFacts, now: Date): PortalOutcome {
  const { connection, openedAt } = session;
  if (connection?.state === "enabled" && connection.observedAt > openedAt && hasSignedIn(session))
    return enabledOutcome(session, connection);
  if (connection?.state === "deleted" && session.intent !== "connect")
    return { state: "failed", failure: "gone", code: null };
  if (connection?.state === "disabled" && connection.brokeAt) {
    const workedAt = session.intent === "connect" ? connection.observedAt : connection.fixedAt;
    if (workedAt && workedAt > openedAt && connection.brokeAt > openedAt)
      return { state: "stopped-again", brokeAt: connection.brokeAt };
  }
  return unrepairedOutcome(session, now);
}

/**
 * For a repair, a working connection is enough. If it worked before, SnapTrade must also say that someone
 * signed in (docs/snaptrade.md §3.11, §6.4).
 */
function hasSignedIn({ intent, signInResult, connection, openedAt }: PortalFacts): boolean {
  if (intent === "connect" || intent === "reconnect" || signInResult === "SUCCESS") return true;
  if (connection?.updatedAt && connection.updatedAt.getTime() >= openedAt.getTime() + openedWithinMs)
    return true;
  return (
    intent === "allow-trading" &&
    connection?.access === "trade" &&
    connection.readAt !== null &&
    connection.readAt > openedAt
  );
}

function enabledOutcome(
  { intent, openedAt, lookFailedAt }: PortalFacts,
  connection: PortalConnection,
): PortalOutcome {
  const { id, readAt, readState, fixedAt, observedAt } = connection;
  // A read that disagrees is older than the event that the state is based on.
  const confirmed = readAt !== null && readAt > openedAt && readState === "enabled";
  if (!confirmed && !lookFailedAt) return { state: "checking", signedIn: true };
  if (intent === "connect") return { state: "connected", connectionId: id, confirmedAt: observedAt };
  // The first time that SnapTrade reported the repair, if known; later looks only repeat it.
  return { state: "fixed", confirmedAt: fixedAt && fixedAt > openedAt ? fixedAt : observedAt };
}

function unrepairedOutcome(session: PortalFacts, now: Date): PortalOutcome {
  const { intent, reportedResult, reportedAt, leftAt, signInResult, lookedAt } = session;
  if (!reportedResult || !reportedAt) return { state: "open" };
  const endedAt = leftAt && leftAt > reportedAt ? leftAt : reportedAt;
  const lookedSince = lookedAt !== null && lookedAt >= endedAt;
  const waited = (now.getTime() - reportedAt.getTime()) / 1000;
  if (session.secondConnectionId && lookedSince)
    return { state: "failed", failure: "second-connection", code: null };
  if (reportedResult.status === "SUCCESS" || signInResult === "SUCCESS") {
    if (waited < unconfirmedAfterSeconds) return { state: "checking", signedIn: true };
    return intent === "connect" && session.hasOther
      ? { state: "failed", failure: "no-new-connection", code: null }
      : { state: "unconfirmed" };
  }
  // After an error the portal lets people try again (docs/snaptrade.md §4.10), so an error alone ends
  // nothing.
  if (!leftAt) return { state: "open" };
  if (!lookedSince) return { state: "checking", signedIn: false };
  if (reportedResult.status === "UNKNOWN" && !signInResult) {
    return waited < unconfirmedAfterSeconds
      ? { state: "checking", signedIn: false }
      : { state: "failed", failure: "no-word", code: null };
  }
  return { state: "failed", ...explainFailure(reportedResult, signInResult) };
}

/** What the browser reported about a session, from the columns of its row. */
export function reportedResultOf(session: {
  reportedStatus: ReportedResult["status"] | null;
  reportedCode: string | null;
}): ReportedResult | null {
  const { reportedStatus: status, reportedCode: code } = session;
  if (!status) return null;
  return status === "ERROR" ? { status, code } : { status };
}

/**
 * Why a session failed: the portal's own code if we know it, otherwise the result in SnapTrade's webhook,
 * otherwise only that it wasn't finished.
 */
export function explainFailure(
  reportedResult: ReportedResult | null,
  signInResult: string | null,
): { failure: PortalFailure; code: string | null } {
  const said = reportedResult?.status === "ERROR" ? reportedResult.code : null;
  const code =
    said && failureOf(said) !== "unexplained"
      ? said
      : signInResult && signInResult !== "SUCCESS"
        ? signInResult
        : said;
  if (!code && reportedResult?.status !== "ERROR")
    return { failure: reportedResult?.status === "UNKNOWN" ? "no-word" : "not-finished", code: null };
  return { failure: failureOf(code), code };
}

/** Whether an outcome is final. A failed session can still turn into a repaired one. */
export function isFinal({ state }: PortalOutcome): boolean {
  return state === "fixed" || state === "connected" || state === "stopped-again" || state === "failed";
}
