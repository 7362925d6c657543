import { isRefusal } from "@/lib/db/errors";

const parts = 8;

/**
 * Runs `work` for all items at once. If the database rejects that, the items are divided until the rejected
 * ones are alone, so that a bad item costs a few more statements and the others nothing.
 * @param endsAt our clock in milliseconds: when to stop dividing; whatever is left then fails together
 * @returns the items that failed, with the error
 */
export async function isolateFailures<T>(
  items: T[],
  endsAt: number,
  work: (part: T[]) => Promise<unknown>,
): Promise<{ items: T[]; error: unknown }[]> {
  if (items.length === 0) return [];
  try {
    await work(items);
    return [];
  } catch (error) {
    if (items.length === 1 || !isRefusal(error) || Date.now() >= endsAt) return [{ items, error }];
  }
  const size = Math.ceil(items.length / parts);
  const failed: { items: T[]; error: unknown }[] = [];
  for (let from = 0; from < items.length; from += size)
    failed.push(...(await isolateFailures(items.slice(from, from + size), endsAt, work)));
  return failed;
}
