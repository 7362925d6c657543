import { inspect } from "node:util";
import { DrizzleQueryError } from "drizzle-orm";
import { describeError } from "@/lib/base/log";
import { TimeLimitExceeded } from "@/lib/base/time-limit";
import { TimeLimitError } from "./limits";

/** The database cannot be used as it is. The message is an explanation for the operator. */
export class DatabaseError extends Error {
  override name = "DatabaseError";
}

/**
 * The message of a failed query contains its parameters, including secrets. However such an error is printed,
 * even by the framework, it shows only what is safe to log.
 */
Object.assign(DrizzleQueryError.prototype, {
  [inspect.custom](this: DrizzleQueryError) {
    return `A query failed ${JSON.stringify(describeError(this))}`;
  },
});

/**
 * True if the database was reachable and rejected this statement because of its values or a conflict; false
 * if it was unreachable or failing.
 */
export function isRefusal(error: unknown): boolean {
  return hasState(error, /^(?!08|25|53|57P|58|XX)[0-9A-Z]{5}$/);
}

/** True if the database rejected the values themselves, so that retrying cannot help. */
export function isRefusedData(error: unknown): boolean {
  return hasState(error, /^(22|23|54)[0-9A-Z]{3}$/);
}

/** True if the work took too long or waited too long for a lock; trying again later may help. */
export function isTooSlow(error: unknown): boolean {
  if (error instanceof TimeLimitError || error instanceof TimeLimitExceeded) return true;
  return hasState(error, /^(55P03|57014)$/);
}

/** True if the error, or one of its causes, has an SQLSTATE that matches. */
export function hasState(error: unknown, form: RegExp): boolean {
  if (!(error instanceof Error)) return false;
  return ("code" in error && form.test(String(error.code))) || hasState(error.cause, form);
}
