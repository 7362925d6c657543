const messages = {
  "not-found": "We couldn't find that. It may have been removed.",
  "invalid-input": "Something in that request wasn't right. Reload the page and try again.",
  "signed-out": "You were signed out. Sign in again and everything is where you left it.",
  "snaptrade-away": "SnapTrade isn't answering right now. Try again in a minute.",
  "snaptrade-busy": "SnapTrade is busy right now. Nothing was changed. Try again in a minute.",
  "snaptrade-refused":
    "SnapTrade didn't accept the request. This isn't about your login, and it has been noted for us.",
  "checked-often":
    "We asked SnapTrade several times within the last minute, and what you see is its answer. Try again in a minute.",
  "access-refused":
    "SnapTrade just refused us access to your connections. We'll keep trying; if that doesn't change, we'll say so here, and you can connect again.",
  "being-removed":
    "You asked to remove this connection, so it can't be reconnected. To keep it after all, choose “Keep it” first.",
  "account-deleting":
    "Your account is being deleted, so nothing can be connected or reconnected here anymore.",
  "not-broken": "This connection works. There is nothing to reconnect.",
  "cannot-reconnect": "SnapTrade no longer connects to this brokerage, so signing in again can't help.",
  "cannot-trade": "This brokerage doesn't let other apps trade, so there is nothing to allow.",
  "nothing-to-reconnect": "All your connections work. There is nothing to reconnect.",
  "already-notified": "We have told you once that it is worth trying again. Try now, or in a while.",
  "already-connected": "You already have a connection there that needs reconnecting.",
  "brokerage-unavailable": "New connections to this brokerage aren't possible right now.",
} as const;

export type AppErrorCode = keyof typeof messages;

/**
 * What domain code throws when a person's wish cannot be met: a code from the closed list, with a sentence
 * that a person may read.
 */
export class AppError extends Error {
  constructor(readonly code: AppErrorCode) {
    super(messages[code]);
    this.name = "AppError";
  }
}

/**
 * The sentence for a code that came back in a URL of ours; null for anything that is not one of our codes.
 */
export function errorSentence(code: string | string[] | undefined): string | null {
  if (code === "unexpected") return unexpectedSentence;
  return typeof code === "string" && code in messages ? messages[code as AppErrorCode] : null;
}

export const unexpectedSentence =
  "Something went wrong on our side. Nothing was lost; try again in a minute.";
