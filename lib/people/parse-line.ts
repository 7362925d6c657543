import "server-only";
import { createHash } from "node:crypto";
import { z } from "zod";
import type { Line } from "./lines";
import { personShapes, type AdoptablePerson } from "./person";

const shape = z.strictObject(personShapes);
const names: Partial<Record<PropertyKey, string>> = {
  externalId: "external-id",
  snapTradeUserId: "snaptrade-user-id",
  userSecret: "user-secret",
  email: "email",
  locale: "locale",
  timeZone: "time-zone",
};

type Parsed = { person: AdoptablePerson } | { reason: string; externalId: string | null };

/** The person in a line, or why there is none: a stable reason that contains nothing of the line. */
export function parseLine({ content }: Line): Parsed {
  if ("problem" in content) return { reason: content.problem, externalId: null };
  let value: unknown;
  try {
    value = JSON.parse(content.text);
  } catch {
    return { reason: "not-json", externalId: null };
  }
  const parsed = shape.safeParse(value);
  if (parsed.success) return { person: parsed.data };
  const [issue] = parsed.error.issues;
  const name = names[issue?.path[0] ?? ""];
  const reason =
    issue?.code === "unrecognized_keys" ? "unknown-field" : name ? `invalid-${name}` : "not-an-object";
  const externalId = z.object({ externalId: personShapes.externalId }).safeParse(value);
  return { reason, externalId: externalId.success ? externalId.data.externalId : null };
}

/**
 * Remembers the people of a file, in about 250 bytes each.
 * @returns a function that says whether an earlier line had the same external id, SnapTrade user, or address
 */
export function createDuplicateCheck(): (person: AdoptablePerson) => boolean {
  const seen = new Set<string>();
  return ({ externalId, snapTradeUserId, email }) => {
    const texts = [`1 ${externalId}`, `2 ${snapTradeUserId}`, ...(email ? [`3 ${email}`] : [])];
    const marks = texts.map((text) => createHash("sha256").update(text).digest("base64url").slice(0, 22));
    if (marks.some((mark) => seen.has(mark))) return true;
    for (const mark of marks) seen.add(mark);
    return false;
  };
}
