import "server-only";
import pino, { type DestinationStream } from "pino";
import { redact, secretNames } from "./redact";
import { currentRequestId } from "./request-id";

/**
 * Structured log lines on standard output, each with the id of its request or background work. Name the
 * fields to log; never pass whole errors, requests, or URLs. If one slips through, it is redacted: an error
 * is reduced to describeError, fields named like secrets lose their values, and the finished line goes
 * through redact.ts.
 */
export const log = createLog();

/** A logger that writes to this destination instead of standard output. */
export function createLog(destination?: DestinationStream) {
  return pino(
    {
      level: process.env.LOG_LEVEL ?? "info",
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      mixin() {
        const requestId = currentRequestId();
        return requestId ? { requestId } : {};
      },
      serializers: { err: describeError, error: describeIfError, cause: describeIfError },
      redact: {
        paths: secretNames.flatMap((name) => [`["${name}"]`, `*["${name}"]`, `*.*["${name}"]`]),
        censor: "[redacted]",
      },
      hooks: {
        logMethod(args, method) {
          // Without a message, Pino would use the error's own.
          const [fields, message = "An error", ...rest] = args as unknown[];
          const safe = fields instanceof Error ? describeError(fields) : fields;
          const given = fields instanceof Error || hasError(fields) ? [safe, message, ...rest] : args;
          method.apply(this, given as typeof args);
        },
        streamWrite: redact,
      },
    },
    destination ?? pino.destination(1),
  );
}

function hasError(fields: unknown): boolean {
  return typeof fields === "object" && fields !== null && "err" in fields;
}

function describeIfError(value: unknown): unknown {
  return value instanceof Error ? describeError(value) : value;
}

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
