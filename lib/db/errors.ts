import { inspect } from "node:util";
import { DrizzleQueryError } from "drizzle-orm";
import { describeError } from "@/lib/base/log";

/** The database cannot be used as it is; the message is a sentence for the operator. */
export class DatabaseError extends Error {
  override name = "DatabaseError";
}

/**
 * A failed query carries its parameters in its message, secrets among them. However such an error is printed,
 * by the framework too, it shows what may be logged.
 */
Object.assign(DrizzleQueryError.prototype, {
  [inspect.custom](this: DrizzleQueryError) {
    return `A query failed ${JSON.stringify(describeError(this))}`;
  },
});

/**
 * The database was reachable and refused this statement, because of its values or a conflict; false when it
 * was unreachable or unwell.
 */
export function isRefusal(error: unknown): boolean {
  return hasState(error, /^(?!08|25|53|57P|58|XX)[0-9A-Z]{5}$/);
}

/**
 * The database refused this statement's values and would refuse them again: it can't store them, or must not.
 */
export function isRefusedData(error: unknown): boolean {
  return hasState(error, /^(22|23|54)[0-9A-Z]{3}$/);
}

function hasState(error: unknown, form: RegExp): boolean {
  if (!(error instanceof Error)) return false;
  return ("code" in error && form.test(String(error.code))) || hasState(error.cause, form);
}
