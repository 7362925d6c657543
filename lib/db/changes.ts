import "server-only";
import { sql, type SQL } from "drizzle-orm";
import type { Transaction } from "./database";
import { connections } from "@/lib/db/schema/connections";
import { users } from "@/lib/db/schema/users";

interface Changes {
  users: Set<string>;
  brokerages: Set<string>;
}

/** The changes that each open transaction has recorded so far. */
const pending = new WeakMap<object, Changes>();
/** People with a new version that is committed, and that no open page has been notified of yet. */
const unannounced = new Set<string>();

type Writer = Pick<Transaction, "update">;

/**
 * Marks this person's pages as out of date. Inside `transaction`, the mark is written last
 * (docs/decisions/0010).
 */
export function recordChange(tx: Writer, userId: string): Promise<void> {
  return record(tx, { users: new Set([userId]), brokerages: new Set() });
}

/** Marks the pages of everyone with a connection at these brokerages as out of date, like recordChange. */
export function recordChangeAt(tx: Writer, brokerageIds: string[]): Promise<void> {
  return record(tx, { users: new Set(), brokerages: new Set(brokerageIds) });
}

/**
 * Runs a transaction's work, then marks the affected people. Users are locked last and in one order.
 * @param changed receives the people to announce once it is committed
 */
export async function withChanges<T>(
  tx: Transaction,
  work: (tx: Transaction) => Promise<T>,
  changed: string[],
): Promise<T> {
  const changes: Changes = { users: new Set(), brokerages: new Set() };
  pending.set(tx, changes);
  const result = await work(tx);
  pending.delete(tx);
  changed.push(...(await write(tx, changes)));
  return result;
}

/** Keeps these people for the next announcement. */
export function toBeAnnounced(userIds: string[]): void {
  for (const id of userIds) unannounced.add(id);
}

/** Everyone who has not been announced yet; the caller announces them, or gives them back. */
export function takeUnannounced(): string[] {
  const taken = [...unannounced];
  unannounced.clear();
  return taken;
}

async function record(tx: Writer, changed: Changes): Promise<void> {
  const changes = pending.get(tx);
  if (!changes) {
    toBeAnnounced(await write(tx, changed));
    return;
  }
  for (const id of changed.users) changes.users.add(id);
  for (const id of changed.brokerages) changes.brokerages.add(id);
}

async function write(tx: Writer, changes: Changes): Promise<string[]> {
  const whose: SQL[] = [];
  if (changes.users.size > 0) whose.push(sql`id in (${uuids(changes.users)})`);
  if (changes.brokerages.size > 0)
    whose.push(
      sql`id in (select user_id from ${connections} where brokerage_id in (${uuids(changes.brokerages)}) and state <> 'deleted')`,
    );
  if (whose.length === 0) return [];
  const inOrder = sql`select id from ${users} where ${sql.join(whose, sql` or `)} order by id for no key update`;
  const changed = await tx
    .update(users)
    .set({ version: sql`${users.version} + 1` })
    .where(sql`${users.id} in (${inOrder})`)
    .returning({ id: users.id });
  return changed.map(({ id }) => id);
}

const uuids = (ids: Set<string>) =>
  sql.join(
    [...ids].map((id) => sql`${id}::uuid`),
    sql`, `,
  );
