import "server-only";
import { asc, gt, sql } from "drizzle-orm";
import { boundTo } from "@/lib/connections/observations/snaptrade-user";
import { database } from "@/lib/db/client";
import { recordset } from "@/lib/db/recordset";
import { snapTradeUsers } from "@/lib/db/schema/users";
import { isSealedWithFirstKey, openSecret, sealSecret } from "@/lib/snaptrade/user-secret";

type Sealed = Pick<typeof snapTradeUsers.$inferSelect, "userId" | "snapTradeUserId" | "sealedSecret">;

interface RotationCounts {
  seen: number;
  resealed: number;
  /** Secrets that something else changed or locked in the meantime; the next pass tries them again. */
  missed: number;
  /** How many secrets no key opens, and the user ids of the first of their owners. */
  unreadable: number;
  unreadableUserIds: string[];
}

interface Rotation extends RotationCounts {
  /** Secrets still under an older key, not counting unreadable ones. Zero unless something interferes. */
  left: number;
}

const perBatch = 500;
const maxPasses = 5;
const maxNamed = 100;

/**
 * Seals every SnapTrade secret under the first of ENCRYPTION_KEYS. It can run while the app does, be stopped
 * at any time, and be run again: it rewrites only secrets under an older key, and only if they haven't
 * changed since they were read. Passes repeat until one finds nothing to do.
 * @param onBatch receives the counts so far, and how much of the current pass is done, from 0 to 1
 */
export async function rotateKeys(
  onBatch: (counts: RotationCounts, finished: number) => void = () => undefined,
  batchSize = perBatch,
): Promise<Rotation> {
  let resealed = 0;
  for (let pass = 1; ; pass++) {
    const counts = await walk(
      (counts, finished) => onBatch({ ...counts, resealed: counts.resealed + resealed }, finished),
      batchSize,
    );
    resealed += counts.resealed;
    const touched = counts.resealed + counts.missed;
    if (touched === 0 || pass === maxPasses) return { ...counts, resealed, left: counts.missed };
  }
}

/** Walks by primary key, so every batch costs the same, however much is already done. */
async function walk(onBatch: (counts: RotationCounts, finished: number) => void, batchSize: number) {
  const counts: RotationCounts = { seen: 0, resealed: 0, missed: 0, unreadable: 0, unreadableUserIds: [] };
  const { userId, snapTradeUserId, sealedSecret } = snapTradeUsers;
  const db = await database();
  for (let after = "00000000-0000-0000-0000-000000000000"; ;) {
    const rows = await db
      .select({ userId, snapTradeUserId, sealedSecret })
      .from(snapTradeUsers)
      .where(gt(userId, after))
      .orderBy(asc(userId))
      .limit(batchSize);
    await resealBatch(rows, counts);
    const last = rows.at(-1);
    onBatch(counts, last && rows.length === batchSize ? placeOf(last.userId) : 1);
    if (!last || rows.length < batchSize) return counts;
    after = last.userId;
  }
}

/** User ids are random, so an id's place among all possible ids tells how far a walk has come. */
const placeOf = (userId: string) => Number.parseInt(userId.slice(0, 8), 16) / 2 ** 32;

async function resealBatch(rows: Sealed[], counts: RotationCounts): Promise<void> {
  const old = rows.filter(({ sealedSecret }) => !isSealedWithFirstKey(sealedSecret));
  const renewed = old.flatMap((row) => {
    const sealed = reseal(row);
    if (sealed !== null) return [{ userId: row.userId, before: row.sealedSecret, after: sealed }];
    counts.unreadable++;
    if (counts.unreadableUserIds.length < maxNamed) counts.unreadableUserIds.push(row.userId);
    return [];
  });
  const stored = await store(renewed);
  counts.seen += rows.length;
  counts.resealed += stored;
  counts.missed += renewed.length - stored;
}

function reseal({ userId, snapTradeUserId, sealedSecret }: Sealed): string | null {
  const owner = boundTo(userId, snapTradeUserId);
  try {
    return sealSecret(openSecret(sealedSecret, owner), owner);
  } catch {
    // Sealed under an unknown key, or damaged: counted and left unchanged.
    return null;
  }
}

/** Never waits for a lock, so it can't deadlock with the app; rows in use are left for the next pass. */
async function store(renewed: { userId: string; before: string; after: string }[]): Promise<number> {
  if (renewed.length === 0) return 0;
  const db = await database();
  const answer: unknown = await db.execute(sql`
    with renewed as (
      select * from ${recordset("row", { userId: "uuid", before: "text", after: "text" }, renewed)}
    ), free as (
      select user_id from ${snapTradeUsers} where user_id in (select "userId" from renewed)
      order by user_id for no key update skip locked
    )
    update ${snapTradeUsers} as kept set sealed_secret = renewed.after
    from renewed join free on free.user_id = renewed."userId"
    where kept.user_id = renewed."userId" and kept.sealed_secret = renewed.before
    returning kept.user_id`);
  return (answer as { rows: unknown[] }).rows.length;
}
