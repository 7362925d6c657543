import type { PortalResult } from "@/lib/snaptrade/portal-result";

/** What a window message or the return URL claims (FACTS 4.3, 4.6). A hint: it chooses words, never the result. */
export type PortalClaim = PortalResult;

export type PortalFailure =
  | "different-login"
  | "sign-in-refused"
  | "code-refused"
  | "key-not-allowed"
  | "brokerage-unreachable"
  | "expired"
  | "not-finished"
  | "our-side"
  | "second-connection"
  | "unexplained";

/** What the server concluded about one trip to the portal; the only thing that a page shows. */
export type PortalOutcome =
  | { state: "open" }
  | { state: "checking"; signedIn: boolean }
  | { state: "unconfirmed" }
  | { state: "fixed"; confirmedAt: Date }
  | { state: "connected"; connectionId: string; confirmedAt: Date }
  | { state: "failed"; failure: PortalFailure; code: string | null };

export interface PortalFacts {
  /** SnapTrade's clock. */
  openedAt: Date;
  claim: PortalClaim | null;
  /** Our clock: when the claim reached us. */
  claimedAt: Date | null;
  /** How SnapTrade's webhook says that the sign-in ended; explains a failure, concludes nothing. */
  attemptResult: string | null;
  /** The newest observation of the connection to repair, or of the connection that this trip made; null when there is none. */
  connection: { id: string; disabled: boolean; deleted: boolean; observedAt: Date; fixedAt: Date | null } | null;
  intent: "connect" | "reconnect";
  /** The connection may have worked all along, so that it does proves nothing: somebody must have signed in as well. */
  wish: "renew" | "trade" | null;
  /** A connection at the same brokerage that appeared during a trip that was to repair another one. */
  secondConnectionId: string | null;
  /** Our clock: when the last look began that SnapTrade answered. */
  lookedAt: Date | null;
}

export const unconfirmedAfterSeconds = 60;

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
 * Concludes one trip from what SnapTrade said after it began; the claim only chooses between words.
 * A failure is stated once a look newer than the claim has shown that nothing was repaired.
 */
export function outcomeOf(trip: PortalFacts, now: Date): PortalOutcome {
  const { connection, claim, claimedAt } = trip;
  const seenSince = connection && connection.observedAt > trip.openedAt ? connection : null;
  const signedIn = claim?.status === "SUCCESS" || trip.attemptResult === "SUCCESS";
  if (seenSince && !seenSince.disabled && !seenSince.deleted && (!trip.wish || signedIn)) {
    return trip.intent === "connect"
      ? { state: "connected", connectionId: seenSince.id, confirmedAt: seenSince.observedAt }
      : { state: "fixed", confirmedAt: repairedSince(seenSince, trip.openedAt) };
  }
  if (!claim || !claimedAt) return { state: "open" };
  const lookedSince = trip.lookedAt !== null && trip.lookedAt >= claimedAt;
  if (trip.secondConnectionId && lookedSince) return { state: "failed", failure: "second-connection", code: null };
  if (claim.status === "SUCCESS") {
    const waited = (now.getTime() - claimedAt.getTime()) / 1000;
    return waited < unconfirmedAfterSeconds ? { state: "checking", signedIn: true } : { state: "unconfirmed" };
  }
  if (!lookedSince) return { state: "checking", signedIn: false };
  return { state: "failed", ...explainFailure(claim, trip.attemptResult) };
}

/** Why a trip failed: the portal's own code where it means something to us, else what SnapTrade told by webhook, else only that it wasn't finished. */
export function explainFailure(claim: PortalClaim | null, attemptResult: string | null): { failure: PortalFailure; code: string | null } {
  const said = claim?.status === "ERROR" ? claim.code : null;
  const code = said && failureOf(said) !== "unexplained" ? said : attemptResult && attemptResult !== "SUCCESS" ? attemptResult : said;
  if (!code && claim?.status !== "ERROR") return { failure: "not-finished", code: null };
  return { failure: failureOf(code), code };
}

/** The first time that SnapTrade said so, where we know it; each later look only says it again. */
function repairedSince(connection: { observedAt: Date; fixedAt: Date | null }, openedAt: Date): Date {
  return connection.fixedAt && connection.fixedAt > openedAt ? connection.fixedAt : connection.observedAt;
}
