import type { PortalClaim, PortalFailure, PortalOutcome } from "@/lib/connections/views";

/** What is known about the connection that a session is for. Times on SnapTrade's clock. */
export interface PortalConnection {
  id: string;
  state: "enabled" | "disabled" | "deleted";
  /** The newest observation of any kind. */
  observedAt: Date;
  /** The newest read, without events. */
  readAt: Date | null;
  readState: "enabled" | "disabled" | "deleted" | null;
  access: "read" | "trade";
  /** When SnapTrade last said that the connection changed. */
  updatedAt: Date | null;
  /** When the newest repaired break ended, and when the current one began. */
  fixedAt: Date | null;
  brokeAt: Date | null;
}

export interface PortalFacts {
  intent: "connect" | "reconnect";
  /** The connection may have worked all along, so a working state proves nothing: SnapTrade must also say that someone signed in. */
  wish: "renew" | "trade" | null;
  /** SnapTrade's clock. */
  openedAt: Date;
  claim: PortalClaim | null;
  /** Our clock: when the claim reached us, and when the browser said that the visit was over. */
  claimedAt: Date | null;
  leftAt: Date | null;
  /** The result of the sign-in according to SnapTrade's webhook. */
  attemptResult: string | null;
  /** The connection to repair, or the one this session made; null when there is none. */
  connection: PortalConnection | null;
  /** A connection at the same brokerage that appeared during a session meant to repair another one. */
  secondConnectionId: string | null;
  /** The person already had a working connection at this brokerage, so the sign-in may have been for that one. */
  hasOther: boolean;
  /** Our clock: the start of the last look that SnapTrade answered, and of the last one since then that failed. */
  lookedAt: Date | null;
  lookFailedAt: Date | null;
}

export const unconfirmedAfterSeconds = 60;
/** A session was opened at `openedAt` or within the second after it, as SnapTrade's `Date` header knows it. */
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

/** Which failure a portal code or a webhook's attempt result means (FACTS 4.7, 6.2); every other one is "unexplained". */
export function failureOf(code: string | null): PortalFailure {
  return (code ? failureOfCode[code] : undefined) ?? "unexplained";
}

/**
 * Concludes one portal session from what SnapTrade said after it began; the claim only affects wording.
 * Success requires a read that agrees or, when SnapTrade can't be read, its signed event; failure requires a look newer than
 * the end of the visit that shows no repair.
 */
export function outcomeOf(session: PortalFacts, now: Date): PortalOutcome {
  const { connection, openedAt } = session;
  if (connection?.state === "enabled" && connection.observedAt > openedAt && hasSignedIn(session)) return enabledOutcome(session, connection);
  if (connection?.state === "deleted" && session.intent === "reconnect") return { state: "failed", failure: "gone", code: null };
  if (connection?.state === "disabled" && connection.brokeAt) {
    const workedAt = session.intent === "connect" ? connection.observedAt : connection.fixedAt;
    if (workedAt && workedAt > openedAt && connection.brokeAt > openedAt) return { state: "stopped-again", brokeAt: connection.brokeAt };
  }
  return unrepairedOutcome(session, now);
}

/** For a repair it is enough that the connection works; if it worked before, SnapTrade must also say that someone signed in. */
function hasSignedIn({ wish, attemptResult, connection, openedAt }: PortalFacts): boolean {
  if (!wish || attemptResult === "SUCCESS") return true;
  if (connection?.updatedAt && connection.updatedAt.getTime() >= openedAt.getTime() + openedWithinMs) return true;
  return wish === "trade" && connection?.access === "trade" && connection.readAt !== null && connection.readAt > openedAt;
}

function enabledOutcome({ intent, openedAt, lookFailedAt }: PortalFacts, connection: PortalConnection): PortalOutcome {
  const { id, readAt, readState, fixedAt, observedAt } = connection;
  // A read that says otherwise is older than the event that the state rests on.
  const confirmed = readAt !== null && readAt > openedAt && readState === "enabled";
  if (!confirmed && !lookFailedAt) return { state: "checking", signedIn: true };
  if (intent === "connect") return { state: "connected", connectionId: id, confirmedAt: observedAt };
  // The first time SnapTrade said so, if known; each later look only repeats it.
  return { state: "fixed", confirmedAt: fixedAt && fixedAt > openedAt ? fixedAt : observedAt };
}

function unrepairedOutcome(session: PortalFacts, now: Date): PortalOutcome {
  const { intent, claim, claimedAt, leftAt, attemptResult, lookedAt } = session;
  if (!claim || !claimedAt) return { state: "open" };
  const endedAt = leftAt && leftAt > claimedAt ? leftAt : claimedAt;
  const lookedSince = lookedAt !== null && lookedAt >= endedAt;
  const waited = (now.getTime() - claimedAt.getTime()) / 1000;
  if (session.secondConnectionId && lookedSince) return { state: "failed", failure: "second-connection", code: null };
  if (claim.status === "SUCCESS" || attemptResult === "SUCCESS") {
    if (waited < unconfirmedAfterSeconds) return { state: "checking", signedIn: true };
    return intent === "connect" && session.hasOther ? { state: "failed", failure: "no-new-connection", code: null } : { state: "unconfirmed" };
  }
  // The portal lets people try again after an error, so an error alone ends nothing.
  if (!leftAt) return { state: "open" };
  if (!lookedSince) return { state: "checking", signedIn: false };
  if (claim.status === "UNKNOWN" && !attemptResult) {
    return waited < unconfirmedAfterSeconds ? { state: "checking", signedIn: false } : { state: "failed", failure: "no-word", code: null };
  }
  return { state: "failed", ...explainFailure(claim, attemptResult) };
}

/** Why a session failed: the portal's own code if we know it, else what SnapTrade said by webhook, else only that it wasn't finished. */
export function explainFailure(claim: PortalClaim | null, attemptResult: string | null): { failure: PortalFailure; code: string | null } {
  const said = claim?.status === "ERROR" ? claim.code : null;
  const code = said && failureOf(said) !== "unexplained" ? said : attemptResult && attemptResult !== "SUCCESS" ? attemptResult : said;
  if (!code && claim?.status !== "ERROR") return { failure: claim?.status === "UNKNOWN" ? "no-word" : "not-finished", code: null };
  return { failure: failureOf(code), code };
}

/** True once a session has a final outcome; a repair may still be recognized after a failure. */
export function isFinal({ state }: PortalOutcome): boolean {
  return state === "fixed" || state === "connected" || state === "stopped-again" || state === "failed";
}
