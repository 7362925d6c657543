import { AppError, type AppErrorCode } from "@/lib/base/errors";
import { SnapTradeFailure, type FailureKind } from "@/lib/snaptrade/failure";

const codeOf: Record<FailureKind, AppErrorCode> = {
  away: "snaptrade-away",
  "unexpected-answer": "snaptrade-away",
  busy: "snaptrade-busy",
  "not-found": "not-found",
  "key-refused": "snaptrade-refused",
  "user-refused": "access-refused",
  "user-exists": "snaptrade-refused",
  "connection-disabled": "snaptrade-refused",
  refused: "snaptrade-refused",
};

/**
 * Turns a SnapTrade failure into the AppError for the person whose click caused the call; other errors pass
 * unchanged.
 */
export function toRefusal(error: unknown): unknown {
  if (!(error instanceof SnapTradeFailure)) return error;
  return new AppError(error.details.limitedBy === "person" ? "checked-often" : codeOf[error.kind]);
}
