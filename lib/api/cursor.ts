import "server-only";
import { z } from "zod";
import { ApiProblem } from "./operation";

/** What a client passes to go on reading a list; null in an answer means that there is no more. */
export const cursorField = z.string().max(500).meta({ description: "`next_cursor` of the page before" });

/** A position in a list as text that clients don't read. */
export const writeCursor = (position: unknown): string =>
  Buffer.from(JSON.stringify(position)).toString("base64url");

/** @throws ApiProblem if it isn't a cursor of this list */
export function readCursor<Schema extends z.ZodType>(schema: Schema, cursor: string): z.output<Schema> {
  try {
    return schema.parse(JSON.parse(Buffer.from(cursor, "base64url").toString()));
  } catch {
    throw new ApiProblem("invalid-request", {
      errors: [{ at: "query.cursor", detail: "It isn't a cursor of this list" }],
    });
  }
}
