import "server-only";
import { inArray, sql } from "drizzle-orm";
import { recordChangeAt } from "@/lib/db/changes";
import type { Database } from "@/lib/db/database";
import { brokerages } from "@/lib/db/schema/connections";

/**
 * Stores brokerages as SnapTrade described them (docs/snaptrade.md §3.8). An older description never
 * overwrites a newer one.
 */
export async function writeBrokerages(
  tx: Pick<Database, "select" | "insert" | "update">,
  rows: (typeof brokerages.$inferInsert)[],
): Promise<void> {
  if (rows.length === 0) return;
  const before = await tx
    .select()
    .from(brokerages)
    .where(
      inArray(
        brokerages.id,
        rows.map(({ id }) => id),
      ),
    );
  // The lock order of docs/decisions/0010-lock-order.md prevents deadlocks.
  const inOrder = rows
    .filter((row) => !before.some((old) => isRepeated(row, old)))
    .sort((one, other) => (one.id < other.id ? -1 : 1));
  if (inOrder.length === 0) return;
  await tx
    .insert(brokerages)
    .values(inOrder)
    .onConflictDoUpdate({
      target: brokerages.id,
      set: {
        slug: sql`excluded.slug`,
        name: sql`excluded.name`,
        logoUrl: sql`excluded.logo_url`,
        enabled: sql`excluded.enabled`,
        maintenance: sql`excluded.maintenance`,
        degraded: sql`excluded.degraded`,
        allowsTrading: sql`excluded.allows_trading`,
        signInOpensPopup: sql`coalesce(excluded.sign_in_opens_popup, ${brokerages.signInOpensPopup})`,
        observedAt: sql`excluded.observed_at`,
        listedAt: sql`coalesce(excluded.listed_at, ${brokerages.listedAt})`,
      },
      setWhere: sql`${brokerages.observedAt} <= excluded.observed_at`,
    });
  const changed = before.filter((old) =>
    rows.some(
      ({ id, enabled, maintenance, degraded }) =>
        id === old.id &&
        (enabled !== old.enabled || maintenance !== old.maintenance || degraded !== old.degraded),
    ),
  );
  await recordChangeAt(
    tx,
    changed.map(({ id }) => id),
  );
}

/**
 * Every look describes its brokerages, nearly always just as the previous one did. Writing that again would
 * make otherwise unrelated looks wait for each other's commits.
 */
const repeatedForMs = 60_000;

function isRepeated(row: typeof brokerages.$inferInsert, old: typeof brokerages.$inferSelect): boolean {
  const laterMs = row.observedAt.getTime() - old.observedAt.getTime();
  const same = (Object.keys(row) as (keyof typeof row)[]).every(
    (key) => key === "observedAt" || row[key] === undefined || row[key] === old[key],
  );
  return same && laterMs >= 0 && laterMs < repeatedForMs;
}
