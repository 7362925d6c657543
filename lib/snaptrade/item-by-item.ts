import { z } from "zod";
import { snapTradeId } from "./id";

/** The readable and unreadable items of a list from SnapTrade. */
export interface Listed<T> {
  items: T[];
  /**
   * One entry per unreadable item, with its id if that is legible. The item exists; nothing else is known
   * about it.
   */
  unreadable: { id: string | null }[];
  /** Which fields could not be read, for the log; field names only. */
  reasons: string[];
}

/**
 * The schema for a list whose items are parsed one by one, so that an unreadable item affects no other
 * (docs/snaptrade.md §8.21). A duplicate id counts once, or not at all if the two items contradict each
 * other.
 */
export function itemByItem<T extends { id: string }>(item: z.ZodType<T>): z.ZodType<Listed<T>> {
  return z.array(z.unknown()).transform((sent) => {
    const read = new Map<string, T>();
    const unreadable = new Map<string | symbol, { id: string | null }>();
    const reasons = new Set<string>();
    const reject = (id: string | null, reason: string) => {
      unreadable.set(id ?? Symbol("no id"), { id });
      reasons.add(reason);
    };
    for (const one of sent) {
      const parsed = item.safeParse(one);
      const duplicate = parsed.success ? read.get(parsed.data.id) : undefined;
      if (!parsed.success) reject(idOf(one), describeZodError(parsed.error));
      else if (duplicate && JSON.stringify(duplicate) !== JSON.stringify(parsed.data))
        reject(duplicate.id, "contradicts itself");
      else read.set(parsed.data.id, parsed.data);
    }
    return {
      items: [...read.values()].filter(({ id }) => !unreadable.has(id)),
      unreadable: [...unreadable.values()],
      reasons: [...reasons].slice(0, 5),
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

/** Text that any database can store: no NUL, no unpaired surrogates, at most 500 characters. */
export const text = z.string().transform((sent) =>
  sent
    .replace(/[\0\p{Surrogate}]/gu, "")
    .trim()
    .slice(0, 500),
);

/** An optional field: a missing or malformed value does not make the item unreadable. */
export const ifLegible = <T>(shape: z.ZodType<T>) => shape.nullish().catch(null);

/** A time that any database can store; sync times have a space instead of the T (docs/snaptrade.md §7.1). */
export const dateTime = z.string().transform((sent, context) => {
  const time = new Date(Date.parse(sent.replace(/^(\d{4}-\d\d-\d\d) /, "$1T")));
  const year = time.getUTCFullYear();
  if (year >= 1970 && year < 2200) return time;
  context.addIssue("not a date and time");
  return z.NEVER;
});
