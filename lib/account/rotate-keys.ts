import "server-only";
import { and, asc, gt, isNotNull, sql } from "drizzle-orm";
import type { PgColumn, PgTable } from "drizzle-orm/pg-core";
import { boundTo } from "@/lib/connections/observations/snaptrade-user";
import { database } from "@/lib/db/client";
import { recordset } from "@/lib/db/recordset";
import { apiRequests } from "@/lib/db/schema/api";
import { snapTradeUsers } from "@/lib/db/schema/users";
import { isSealedWithFirstKey, openSecret, sealSecret } from "@/lib/snaptrade/user-secret";

interface Sealed {
  id: string;
  /** What it is bound to (sealSecret). */
  owner: string;
  sealed: string;
}

/** A table with sealed values, and how to read its rows in the order of their random ids. */
interface SealedTable {
  table: PgTable;
  id: PgColumn;
  sealed: PgColumn;
  list: (after: string, limit: number) => Promise<Sealed[]>;
}

/** The secrets of people's SnapTrade users. */
export const userSecrets: SealedTable = {
  table: snapTradeUsers,
  id: snapTradeUsers.userId,
  sealed: snapTradeUsers.sealedSecret,
  async list(after, limit) {
    const { userId, snapTradeUserId, sealedSecret } = snapTradeUsers;
    const db = await database();
    const rows = await db
      .select({ userId, snapTradeUserId, sealedSecret })
      .from(snapTradeUsers)
      .where(gt(userId, after))
      .orderBy(asc(userId))
      .limit(limit);
    return rows.map(({ userId, snapTradeUserId, sealedSecret }) => ({
      id: userId,
      owner: boundTo(userId, snapTradeUserId),
      sealed: sealedSecret,
    }));
  },
};

/** The API's answers that are kept for requests that come again (lib/api/idempotency.ts). */
export const apiAnswers: SealedTable = {
  table: apiRequests,
  id: apiRequests.id,
  sealed: apiRequests.sealedAnswer,
  async list(after, limit) {
    const { id, sealedAnswer } = apiRequests;
    const db = await database();
    const rows = await db
      .select({ id, sealedAnswer })
      .from(apiRequests)
      .where(and(gt(id, after), isNotNull(sealedAnswer)))
      .orderBy(asc(id))
      .limit(limit);
    return rows.flatMap(({ id, sealedAnswer }) =>
      sealedAnswer === null ? [] : [{ id, owner: id, sealed: sealedAnswer }],
    );
  },
};

interface RotationCounts {
  seen: number;
  resealed: number;
  /** Secrets that something else changed or locked in the meantime; the next pass tries them again. */
  missed: number;
  /** How many secrets no key opens, and the ids of the first of them. */
  unreadable: number;
  unreadableIds: string[];
}

interface Rotation extends RotationCounts {
  /** Secrets still under an older key, not counting unreadable ones. Zero unless something interferes. */
  left: number;
}

const perBatch = 500;
const maxPasses = 5;
const maxNamed = 100;

/**
 * Seals every value of a table under the first of ENCRYPTION_KEYS. It can run while the app does, be stopped
 * at any time, and be run again: it rewrites only secrets under an older key, and only if they haven't
 * changed since they were read. Passes repeat until one finds nothing to do.
 * @param onBatch receives the counts so far, and how much of the current pass is done, from 0 to 1
 */
export async function rotateKeys(
  kept: SealedTable,
  onBatch: (counts: RotationCounts, finished: number) => void = () => undefined,
  batchSize = perBatch,
): Promise<Rotation> {
  let resealed = 0;
  for (let pass = 1; ; pass++) {
    const counts = await walk(
      kept,
      (counts, finished) => onBatch({ ...counts, resealed: counts.resealed + resealed }, finished),
      batchSize,
    );
    resealed += counts.resealed;
    const touched = counts.resealed + counts.missed;
    if (touched === 0 || pass === maxPasses) return { ...counts, resealed, left: counts.missed };
  }
}

/** Walks by primary key, so every batch costs the same, however much is already done. */
async function walk(
  kept: SealedTable,
  onBatch: (counts: RotationCounts, finished: number) => void,
  batchSize: number,
) {
  const counts: RotationCounts = { seen: 0, resealed: 0, missed: 0, unreadable: 0, unreadableIds: [] };
  for (let after = "00000000-0000-0000-0000-000000000000"; ;) {
    const rows = await kept.list(after, batchSize);
    await resealBatch(kept, rows, counts);
    const last = rows.at(-1);
    onBatch(counts, last && rows.length === batchSize ? placeOf(last.id) : 1);
    if (!last || rows.length < batchSize) return counts;
    after = last.id;
  }
}

/** Ids are random, so an id's place among all possible ids tells how far a walk has come. */
const placeOf = (id: string) => Number.parseInt(id.slice(0, 8), 16) / 2 ** 32;

async function resealBatch(kept: SealedTable, rows: Sealed[], counts: RotationCounts): Promise<void> {
  const old = rows.filter(({ sealed }) => !isSealedWithFirstKey(sealed));
  const renewed = old.flatMap((row) => {
    const after = reseal(row);
    if (after !== null) return [{ id: row.id, before: row.sealed, after }];
    counts.unreadable++;
    if (counts.unreadableIds.length < maxNamed) counts.unreadableIds.push(row.id);
    return [];
  });
  const stored = await store(kept, renewed);
  counts.seen += rows.length;
  counts.resealed += stored;
  counts.missed += renewed.length - stored;
}

function reseal({ owner, sealed }: Sealed): string | null {
  try {
    return sealSecret(openSecret(sealed, owner), owner);
  } catch {
    // Sealed under an unknown key, or damaged: counted and left unchanged.
    return null;
  }
}

/** Never waits for a lock, so it can't deadlock with the app; rows in use are left for the next pass. */
async function store(
  { table, id, sealed }: SealedTable,
  renewed: { id: string; before: string; after: string }[],
): Promise<number> {
  if (renewed.length === 0) return 0;
  const key = sql.identifier(id.name);
  const column = sql.identifier(sealed.name);
  const db = await database();
  const answer: unknown = await db.execute(sql`
    with renewed as (
      select * from ${recordset("row", { id: "uuid", before: "text", after: "text" }, renewed)}
    ), free as (
      select ${key} as id from ${table} where ${key} in (select id from renewed)
      order by ${key} for no key update skip locked
    )
    update ${table} as kept set ${column} = renewed.after
    from renewed join free on free.id = renewed.id
    where kept.${key} = renewed.id and kept.${column} = renewed.before
    returning kept.${key}`);
  return (answer as { rows: unknown[] }).rows.length;
}
