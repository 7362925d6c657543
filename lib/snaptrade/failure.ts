import { SnaptradeError } from "snaptrade-typescript-sdk";
import { z } from "zod";

/**
 * What went wrong with a call to SnapTrade, in the distinctions that matter for what we do next. None of them
 * means that a connection is disabled.
 */
export type FailureKind =
  /** No usable answer: network failure, timeout, 5xx, or HTML instead of JSON. Try again later. */
  | "away"
  /** Too many requests; send nothing more for `retryAfterSeconds`. */
  | "busy"
  /**
   * Our key, clock, or signature was rejected (401 with 1076 or no code; docs/snaptrade.md §8.1). The
   * operator must act.
   */
  | "key-refused"
  /** This person's SnapTrade secret was rejected (1083). */
  | "user-refused"
  | "not-found"
  /** The connection is already disabled or may not do this now (402; docs/snaptrade.md §3.4). */
  | "connection-disabled"
  | "user-exists"
  /** Any other refusal: a bug of ours, or a feature that the key lacks. */
  | "refused"
  /** An answer in a format that we don't know. */
  | "unexpected-answer";

/**
 * The only error that leaves this adapter. It contains no URL, message, header, or body of the call, because
 * the URL has the user secret (docs/snaptrade.md §1.7).
 */
export class SnapTradeFailure extends Error {
  constructor(
    readonly kind: FailureKind,
    readonly operation: string,
    readonly details: {
      status?: number;
      code?: string;
      requestId?: string;
      retryAfterSeconds?: number;
      /** Who is over the limit: only this call's person, or everyone. */
      limitedBy?: "person" | "everybody";
    } = {},
  ) {
    super(`SnapTrade ${operation}: ${kind}`);
    this.name = "SnapTradeFailure";
  }
}

const code = z
  .union([z.string(), z.number().transform(String)])
  .nullish()
  .catch(null);
const errorBody = z.looseObject({ code, default_code: code });

const kindOfCode: Partial<Record<string, FailureKind>> = {
  "1076": "key-refused",
  "1083": "user-refused",
  "1010": "user-exists",
  "1011": "not-found",
  "3003": "connection-disabled",
  "3011": "connection-disabled",
};

const kindOfStatus: Partial<Record<number, FailureKind>> = {
  401: "key-refused",
  402: "connection-disabled",
  404: "not-found",
  429: "busy",
};

/**
 * The kind of failure that a status and error code mean (docs/snaptrade.md §1.9). Server errors stay server
 * errors, whatever code they carry.
 */
export function failureKindOf(status: number | undefined, code: string | undefined): FailureKind {
  if (
    status === undefined ||
    status >= 500 ||
    status === 408 ||
    status === 425 ||
    (status >= 300 && status < 400)
  )
    return "away";
  if (status === 429) return "busy";
  return (code ? kindOfCode[code] : undefined) ?? kindOfStatus[status] ?? "refused";
}

/**
 * Converts whatever the SDK threw into our own failure, keeping only status and code (docs/snaptrade.md
 * §1.8).
 */
export function toFailure(operation: string, error: unknown): SnapTradeFailure {
  if (error instanceof SnapTradeFailure) return error;
  if (!(error instanceof SnaptradeError)) return new SnapTradeFailure("away", operation);
  const body = errorBody.safeParse(error.responseBody);
  const code = body.success ? (body.data.code ?? body.data.default_code ?? undefined) : undefined;
  return new SnapTradeFailure(failureKindOf(error.status, code), operation, { status: error.status, code });
}
