const messages = {
  "not-found": "We couldn't find that. It may have been removed.",
  "invalid-input": "Something in that request wasn't right. Reload the page and try again.",
  "signed-out": "You were signed out. Sign in again to pick up where you left off.",
  "snaptrade-away": "SnapTrade isn't responding right now. Try again in a minute.",
  "snaptrade-busy": "SnapTrade is busy right now. Nothing was changed. Try again in a minute.",
  "snaptrade-refused":
    "SnapTrade didn't accept the request. Your login isn't the cause, and we've logged the problem.",
  "checked-often":
    "We've checked with SnapTrade several times in the last minute, and this is its latest answer. Try again in a minute.",
  "opened-often":
    "You've opened SnapTrade's sign-in many times in the last few minutes. Try again in a minute.",
  "access-refused":
    "SnapTrade just refused us access to your connections. We'll keep trying. If that doesn't change, we'll say so here, and you can connect again.",
  "access-lost":
    "SnapTrade no longer gives us access to your connections, and connecting again here won't bring it back. Open the app or website where you made them.",
  "being-removed":
    "You asked to remove this connection, so it can't be reconnected. If you've changed your mind, choose to keep it first.",
  "account-deleting":
    "Your account is being deleted, so nothing can be connected or reconnected here anymore.",
  "not-broken": "This connection is working, so there's nothing to reconnect.",
  "cannot-reconnect": "SnapTrade no longer connects to this brokerage, so signing in again won't help.",
  "cannot-trade": "This brokerage doesn't let other apps trade, so you can't allow it here.",
  "nothing-to-reconnect": "All your connections are working, so there's nothing to reconnect.",
  "already-notified": "We've already let you know that it's worth trying again. Try now, or a bit later.",
  "no-address": "We have no e-mail address for you. You'll see here when it's worth trying again.",
  "already-connected": "You already have a connection there that needs reconnecting.",
  "fix-session-over": "This link is finished or has expired. Ask for a new one where you got it.",
  "return-url-not-allowed": "RETURN_URLS doesn't allow this return_url.",
  "brokerage-unknown": "SnapTrade lists no brokerage with this slug.",
  "brokerage-unavailable": "New connections to this brokerage aren't possible right now.",
  "shadow-mode": "Repairs and messages are off in shadow mode. Nothing was changed.",
  "endpoint-not-allowed":
    "Events are only sent to public https addresses without a user name or password. EVENTS_ALLOW_PRIVATE=true also allows private ones.",
  "endpoint-exists": "Events are already sent there.",
  "rotated-often":
    "This endpoint's secret was changed many times, and all of those secrets still sign. Try again in a day.",
  "too-many-endpoints": "There can be at most 20 endpoints. Remove one first.",
} as const;

export type AppErrorCode = keyof typeof messages;

/** Thrown by domain code when it can't do what a person asked for; the message is a sentence to show them. */
export class AppError extends Error {
  constructor(readonly code: AppErrorCode) {
    super(messages[code]);
    this.name = "AppError";
  }
}

/** The sentence for a code in one of our URLs; null for anything that isn't one of our codes. */
export function errorSentence(code: string | string[] | undefined): string | null {
  if (code === "unexpected") return unexpectedSentence;
  return typeof code === "string" && Object.hasOwn(messages, code) ? messages[code as AppErrorCode] : null;
}

export const unexpectedSentence =
  "Something went wrong on our side. Nothing was lost. Try again in a minute.";
