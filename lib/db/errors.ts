import { inspect } from "node:util";
import { DrizzleQueryError } from "drizzle-orm";
import { describeError } from "@/lib/log";

/** The database cannot be used as it is; the message is a sentence for the operator. */
export class DatabaseError extends Error {
  override name = "DatabaseError";
}

/**
 * A failed query carries its parameters in its message, secrets among them. However such an error is printed, by the framework too,
 * it shows what may be logged.
 */
Object.assign(DrizzleQueryError.prototype, {
  [inspect.custom](this: DrizzleQueryError) {
    return `A query failed ${JSON.stringify(describeError(this))}`;
  },
});
