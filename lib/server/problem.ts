import "server-only";
import { env } from "@/lib/base/env";

/** Every way in which a request to `/api/v1` can fail. A code never changes its meaning. */
export const problems = {
  "not-json": { status: 400, title: "The body isn’t JSON" },
  "idempotency-key-missing": { status: 400, title: "This request needs an Idempotency-Key header" },
  "no-key": { status: 401, title: "The API key is missing, unknown, or revoked" },
  "missing-scope": { status: 403, title: "This API key may not do that" },
  "not-found": { status: 404, title: "Nothing was found at this address" },
  "method-not-allowed": { status: 405, title: "This address doesn’t support this method" },
  conflict: { status: 409, title: "That isn’t possible in the current state" },
  "shadow-mode": { status: 409, title: "This isn’t done in shadow mode" },
  "still-running": { status: 409, title: "The first request with this Idempotency-Key is still running" },
  "answer-lost": { status: 409, title: "This request was carried out, but its answer can’t be repeated" },
  "too-large": { status: 413, title: "The request is too large" },
  "not-acceptable-type": { status: 415, title: "The body must be application/json" },
  "invalid-request": { status: 422, title: "Something in the request isn’t valid" },
  "secret-refused": { status: 422, title: "SnapTrade doesn’t accept this user and secret" },
  "idempotency-key-reused": {
    status: 422,
    title: "This Idempotency-Key was used for a different request",
  },
  "too-many-requests": { status: 429, title: "Too many requests" },
  unexpected: { status: 500, title: "Something went wrong on our side" },
  unavailable: { status: 503, title: "This isn’t possible right now" },
} as const;

export type ProblemCode = keyof typeof problems;

export interface ProblemDetails {
  /** One sentence about this occurrence; never a secret. */
  detail?: string;
  /** What isn't valid: where, and why. */
  errors?: { at: string; detail: string }[];
  retryAfterSeconds?: number;
}

/** Where the address of a problem's type leads to. */
export const problemType = (code: ProblemCode): string => `${env().APP_URL}/api/v1/docs#${code}`;

/** An answer of `/api/v1` about a failure, as RFC 9457 wants it. */
export function problemAnswer(
  code: ProblemCode,
  { detail, errors, retryAfterSeconds }: ProblemDetails = {},
): { status: number; headers: Record<string, string>; body: string } {
  const { status, title } = problems[code];
  const headers: Record<string, string> = {
    "Content-Type": "application/problem+json",
    "Cache-Control": "no-store",
  };
  if (status === 401) headers["WWW-Authenticate"] = "Bearer";
  if (retryAfterSeconds !== undefined) headers["Retry-After"] = String(retryAfterSeconds);
  const body = JSON.stringify({ type: problemType(code), title, status, code, detail, errors });
  return { status, headers, body };
}
