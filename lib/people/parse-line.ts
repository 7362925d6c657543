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

/** A name that no secret looks like, even in a line that mixes up names and values. */
const plainName = /^[A-Za-z_]{1,30}$/;

/** Why a line was not imported; contains no value of the line but its external id. */
export interface WhyRejected {
  /** Null if the line has none that we can read. */
  externalId: string | null;
  reason: string;
  /** Only for "unknown-field": its name, if it is plain. */
  field?: string;
}

type Parsed = { person: AdoptablePerson } | WhyRejected;

/** The person in a line, or why there is none. */
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
  const id = z.object({ externalId: personShapes.externalId }).safeParse(value);
  const externalId = id.success ? id.data.externalId : null;
  const [issue] = parsed.error.issues;
  if (issue?.code === "unrecognized_keys") {
    const field = issue.keys.find((key) => plainName.test(key));
    return { reason: "unknown-field", externalId, ...(field === undefined ? {} : { field }) };
  }
  const name = names[issue?.path[0] ?? ""];
  return { reason: name ? `invalid-${name}` : "not-an-object", externalId };
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
