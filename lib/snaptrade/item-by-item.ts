import { z } from "zod";
import { snapTradeId } from "./id";

/** A list from SnapTrade, as far as it could be read. */
export interface Listed<T> {
  items: T[];
  /**
   * One entry per item that could not be read, with its id if that is legible: the item exists, and nothing
   * else is known about it.
   */
  unreadable: { id: string | null }[];
  /** Where and why, for the log; field names only. */
  problems: string[];
}

/**
 * The schema for a list whose items are parsed one by one, so that an unreadable item affects no other
 * (docs/snaptrade.md §8.21). A repeated id counts once, and not at all if the two items contradict each
 * other.
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
      if (!parsed.success) refuse(idOf(one), describeZodError(parsed.error));
      else if (twin && JSON.stringify(twin) !== JSON.stringify(parsed.data))
        refuse(twin.id, "contradicts itself");
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

function describeZodError(error: z.ZodError): string {
  const [issue] = error.issues;
  return issue?.path.join(".") || "item";
}

/** Text that any database can store: no NUL and no unpaired surrogate. */
export const text = z.string().transform((sent) =>
  sent
    .replace(/[\0\p{Surrogate}]/gu, "")
    .trim()
    .slice(0, 500),
);

/** An optional field: a missing or odd value is no reason to reject the item. */
export const ifLegible = <T>(shape: z.ZodType<T>) => shape.nullish().catch(null);

/** A time that any database can store; sync times have a space instead of the T (docs/snaptrade.md §7.1). */
export const dateTime = z.string().transform((sent, context) => {
  const time = new Date(Date.parse(sent.replace(/^(\d{4}-\d\d-\d\d) /, "$1T")));
  const year = time.getUTCFullYear();
  if (year >= 1970 && year < 2200) return time;
  context.addIssue("not a date and time");
  return z.NEVER;
});
