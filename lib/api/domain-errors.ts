import "server-only";
import type { AppError, AppErrorCode } from "@/lib/base/errors";
import type { ProblemCode } from "@/lib/server/problem";
import { ApiProblem } from "./operation";

/** How long to wait before trying again after these; one more look or login link is allowed by then. */
const retryAfterSeconds = 10;

interface Described {
  problem: ProblemCode;
  /** Written for whoever writes programs against the API; the error's own message is for the person on a page. */
  detail?: string;
  retryAfterSeconds?: number;
}

const conflict = (detail: string): Described => ({ problem: "conflict", detail });
const later = (problem: ProblemCode, detail: string): Described => ({ problem, detail, retryAfterSeconds });

const descriptions: Record<AppErrorCode, Described> = {
  "not-found": { problem: "not-found" },
  "invalid-input": { problem: "invalid-request" },
  // Only pages ask who is signed in.
  "signed-out": { problem: "unexpected" },
  "snaptrade-away": later("unavailable", "SnapTrade isn’t responding."),
  "snaptrade-busy": later(
    "unavailable",
    "SnapTrade’s rate limit has no room right now. Nothing was changed.",
  ),
  "snaptrade-refused": later("unavailable", "SnapTrade refused the request. The log of Reconnect says more."),
  "checked-often": later(
    "too-many-requests",
    "This person’s connections were checked several times within a minute; GET /connections has the newest answer.",
  ),
  "opened-often": later(
    "too-many-requests",
    "SnapTrade’s sign-in was opened many times for this person within a few minutes.",
  ),
  "access-refused": conflict("SnapTrade refuses this person’s secret. It is tried again from time to time."),
  "access-lost": conflict(
    "SnapTrade no longer accepts this person’s secret. Send the one that it accepts with PUT /users/{externalId}.",
  ),
  "being-removed": conflict("This connection is being removed because its owner asked for that."),
  "account-deleting": conflict("This person is being deleted."),
  "not-broken": conflict("This connection works, so there is nothing to repair."),
  "cannot-reconnect": conflict(
    "SnapTrade no longer connects to this brokerage, so this connection can’t be repaired.",
  ),
  "cannot-trade": conflict("This brokerage doesn’t let other apps trade."),
  "nothing-to-reconnect": conflict("This person has no connection that they could repair now."),
  "already-notified": conflict("This person was already notified that it is worth trying again."),
  "no-address": conflict("This person has no e-mail address here."),
  "already-connected": conflict(
    "This person has a connection to this brokerage that needs repairing. Make a fix session for it.",
  ),
  "fix-session-over": conflict("This fix session has ended."),
  "return-url-not-allowed": {
    problem: "invalid-request",
    detail: "RETURN_URLS doesn’t allow this return_url.",
  },
  "brokerage-unknown": { problem: "not-found", detail: "SnapTrade lists no brokerage with this slug." },
  "brokerage-unavailable": conflict("SnapTrade makes no new connections to this brokerage right now."),
  "shadow-mode": {
    problem: "shadow-mode",
    detail: "Reconnect runs with MODE=shadow, so nothing was changed.",
  },
  "endpoint-not-allowed": {
    problem: "invalid-request",
    detail:
      "Events are sent only to public https addresses without a user name or password. EVENTS_ALLOW_PRIVATE=true also allows private ones.",
  },
  "endpoint-exists": conflict("There is an endpoint with this address already."),
  "rotated-often": conflict(
    "This endpoint’s secret was changed many times within a day, and all of those secrets still sign.",
  ),
  "too-many-endpoints": conflict("There can be at most 20 endpoints."),
};

/** How an error of the domain appears to the company's servers: in words for whoever writes their programs. */
export function problemOf({ code }: AppError): ApiProblem {
  const { problem, ...details } = descriptions[code];
  return new ApiProblem(problem, details);
}
