import "server-only";
import pino from "pino";

/**
 * Structured log lines on standard output. Callers name the fields to log; never pass whole errors, requests,
 * or URLs.
 */
export const log = pino({
  level: process.env.LOG_LEVEL ?? "info",
  base: null,
  timestamp: pino.stdTimeFunctions.isoTime,
});

/**
 * The part of an unexpected error that is safe to log: its type and stack frames. Messages from libraries may
 * contain secrets, so they are left out.
 */
export function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { error: typeof error };
  const cause = error.cause instanceof Error ? describeError(error.cause) : undefined;
  const frames = error.stack
    ?.split("\n")
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 8);
  return { error: error.name, code: "code" in error ? String(error.code) : undefined, frames, cause };
}
