import "server-only";
import { inArray, sql, type SQL } from "drizzle-orm";
import type { Database, Transaction } from "./database";
import { uuids } from "./recordset";
import { brokerages, connections } from "@/lib/db/schema/connections";
import { users } from "@/lib/db/schema/users";

interface Changes {
  users: Set<string>;
  everyone: boolean;
  /** What to do once the transaction is over. */
  then: Set<() => void>;
}

/** Stands for everyone in an announcement. */
export const everyone = "";
/** The changes that each open transaction has recorded so far. */
const pending = new WeakMap<object, Changes>();
/** People with a new version that is committed, and that no open page has been notified of yet. */
const unannounced = new Set<string>();

type Writer = Pick<Transaction, "update">;

/**
 * The version of what a person's pages show: their own changes plus those of each brokerage where they have
 * or had a connection. It never decreases, because connections are never deleted before their person.
 */
export const pageVersion: SQL<number> = sql`(users.version + coalesce((
  select sum(brokerage.version) from ${connections} as connection
  join ${brokerages} as brokerage on brokerage.id = connection.brokerage_id where connection.user_id = users.id
), 0))::int`;

/** Reads the page versions of these people, by user id. */
export async function versionsOf(
  db: Pick<Database, "select">,
  userIds: string[],
): Promise<Map<string, number>> {
  const rows = await db
    .select({ id: users.id, version: pageVersion })
    .from(users)
    .where(inArray(users.id, userIds));
  return new Map(rows.map(({ id, version }) => [id, version]));
}

/**
 * Marks this person's pages as out of date. Inside `transaction`, the mark is written last
 * (docs/decisions/0010).
 */
export async function recordChange(tx: Writer, userId: string): Promise<void> {
  const changes = pending.get(tx);
  if (changes) changes.users.add(userId);
  else toBeAnnounced(await write(tx, new Set([userId])));
}

/**
 * Marks the pages of everyone with a connection at these brokerages as out of date. Writes one row per
 * brokerage, however many people that is; a transaction that locks brokerages locks them first.
 */
export async function recordChangeAt(tx: Writer, brokerageIds: string[]): Promise<void> {
  if (brokerageIds.length === 0) return;
  const inOrder = sql`select id from ${brokerages} where id = any(${uuids(brokerageIds)}) order by id for no key update`;
  await tx
    .update(brokerages)
    .set({ version: sql`${brokerages.version} + 1` })
    .where(sql`${brokerages.id} in (${inOrder})`);
  const changes = pending.get(tx);
  if (changes) changes.everyone = true;
  else toBeAnnounced([everyone]);
}

/**
 * Calls `then` once this transaction is over and may have been committed; once, however often it is passed
 * here. Does nothing outside `transaction`.
 */
export function afterTransaction(tx: object, then: () => void): void {
  pending.get(tx)?.then.add(then);
}

/** What is left to do when a transaction is over. */
export interface Afterwards {
  /** The people to announce. */
  changed: string[];
  then: Set<() => void>;
}

/** Runs a transaction's work, then marks the affected people. Users are locked last and in one order. */
export async function withChanges<T>(
  tx: Transaction,
  work: (tx: Transaction) => Promise<T>,
  { changed, then }: Afterwards,
): Promise<T> {
  const changes: Changes = { users: new Set(), everyone: false, then };
  pending.set(tx, changes);
  const result = await work(tx);
  pending.delete(tx);
  changed.push(...(await write(tx, changes.users)));
  if (changes.everyone) changed.push(everyone);
  return result;
}

/** Keeps these people for the next announcement. */
export function toBeAnnounced(userIds: string[]): void {
  for (const id of userIds) unannounced.add(id);
}

/** Everyone whose change has not been announced yet; the caller announces them or gives them back. */
export function takeUnannounced(): string[] {
  const taken = unannounced.has(everyone) ? [everyone] : [...unannounced];
  unannounced.clear();
  return taken;
}

async function write(tx: Writer, changed: Set<string>): Promise<string[]> {
  if (changed.size === 0) return [];
  const inOrder = sql`select id from ${users} where id = any(${uuids(changed)}) order by id for no key update`;
  const written = await tx
    .update(users)
    .set({ version: sql`${users.version} + 1` })
    .where(sql`${users.id} in (${inOrder})`)
    .returning({ id: users.id });
  return written.map(({ id }) => id);
}
