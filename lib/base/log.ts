import "server-only";
import pino from "pino";

/**
 * Structured lines on standard output. Callers name the fields they log; whole errors, requests and URLs
 * never go in.
 */
export const log = pino({
  level: process.env.LOG_LEVEL ?? "info",
  base: null,
  timestamp: pino.stdTimeFunctions.isoTime,
});

/**
 * What may be logged of an unexpected error: its kind and its stack, which names our code; messages of
 * libraries may hold secrets.
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
