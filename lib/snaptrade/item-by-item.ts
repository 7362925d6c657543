import { z } from "zod";
import { snapTradeId } from "./id";

/** A list of SnapTrade's, as far as it could be read. */
export interface Listed<T> {
  items: T[];
  /** One entry for each item that could not be read, with its id if that much is legible: it exists, and nothing else is known of it. */
  unreadable: { id: string | null }[];
  /** Where and why, for the log; names of members only. */
  problems: string[];
}

/**
 * The shape of a list whose items are read one by one: one that is unreadable costs no other.
 * An id that comes twice counts once, and not at all when the two contradict each other.
 */
export function itemByItem<T extends { id: string }>(item: z.ZodType<T>): z.ZodType<Listed<T>> {
  return z.array(z.unknown()).transform((sent) => {
    const read = new Map<string, T>();
    const unreadable = new Map<string | symbol, { id: string | null }>();
    const problems = new Set<string>();
    const refuse = (id: string | null, problem: string) => {
      unreadable.set(id ?? Symbol("no id"), { id });
      problems.add(problem);
    };
    for (const one of sent) {
      const parsed = item.safeParse(one);
      const twin = parsed.success ? read.get(parsed.data.id) : undefined;
      if (!parsed.success) refuse(idOf(one), problemOf(parsed.error));
      else if (twin && JSON.stringify(twin) !== JSON.stringify(parsed.data)) refuse(twin.id, "contradicts itself");
      else read.set(parsed.data.id, parsed.data);
    }
    return {
      items: [...read.values()].filter(({ id }) => !unreadable.has(id)),
      unreadable: [...unreadable.values()],
      problems: [...problems].slice(0, 5),
    };
  });
}

const withId = z.looseObject({ id: snapTradeId });

function idOf(item: unknown): string | null {
  const parsed = withId.safeParse(item);
  return parsed.success ? parsed.data.id : null;
}

function problemOf(error: z.ZodError): string {
  const [issue] = error.issues;
  return issue?.path.join(".") || "item";
}

/** Text that any database can keep: neither NUL nor half of a character. */
export const text = z.string().transform((sent) =>
  sent
    .replace(/[\0\p{Surrogate}]/gu, "")
    .trim()
    .slice(0, 500),
);

/** A member that helps when it is there, and is no reason to refuse the rest when it is absent or odd. */
export const ifLegible = <T>(shape: z.ZodType<T>) => shape.nullish().catch(null);

/** A moment that any database can keep; sync times come with a blank instead of the T (FACTS 5.10). */
export const dateTime = z.string().transform((sent, context) => {
  const time = new Date(Date.parse(sent.replace(/^(\d{4}-\d\d-\d\d) /, "$1T")));
  const year = time.getUTCFullYear();
  if (year >= 1970 && year < 2200) return time;
  context.addIssue("not a date and time");
  return z.NEVER;
});
