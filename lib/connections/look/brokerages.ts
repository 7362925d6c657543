import "server-only";
import { isNotNull, max, sql } from "drizzle-orm";
import { database } from "@/lib/db/client";
import { brokerages } from "@/lib/db/schema/connections";
import { announceChanges } from "@/lib/live";
import { describeError, log } from "@/lib/base/log";
import { listBrokerages, listOAuthBrokerages } from "@/lib/snaptrade/connections";
import { writeBrokerages } from "@/lib/connections/observations/write-brokerages";
import type { BrokerageView } from "@/lib/connections/views";

const listedForMinutes = 15;

interface BrokerageChoice extends BrokerageView {
  /** No new connections for now; maintenance ends by itself (docs/snaptrade.md §3.8). */
  maintenance: boolean;
}

/** Whether the list of brokerages is missing, older than 15 minutes, or fresh. */
export async function isBrokerageListDue(now: Date): Promise<"missing" | "due" | "fresh"> {
  const db = await database();
  const [row] = await db.select({ listedAt: max(brokerages.listedAt) }).from(brokerages);
  if (!row?.listedAt) return "missing";
  return now.getTime() - row.listedAt.getTime() > listedForMinutes * 60_000 ? "due" : "fresh";
}

/**
 * Reads all brokerages from SnapTrade and stores them. If only the kinds of sign-in can't be read, the rest
 * is stored.
 * @throws SnapTradeFailure when the list can't be read
 */
export async function readBrokerages(now: Date): Promise<void> {
  const { data, askedAt } = await listBrokerages();
  const opening = await listOAuthBrokerages().catch((error: unknown) => {
    log.warn(describeError(error), "Kinds of sign-in could not be read");
    return null;
  });
  const rows = data.items.map((seen) => ({
    ...seen,
    signInOpensPopup: opening ? opening.has(seen.slug) : null,
    observedAt: askedAt,
    listedAt: now,
  }));
  await writeBrokerages(await database(), rows);
  await announceChanges();
}

/** The brokerages that take new connections, by name; those in maintenance are listed but can't be chosen. */
export async function listBrokerageChoices(): Promise<BrokerageChoice[]> {
  const db = await database();
  return db.query.brokerages.findMany({
    columns: { id: true, slug: true, name: true, logoUrl: true, maintenance: true },
    where: (table, { and, eq }) => and(eq(table.enabled, true), isNotNull(table.listedAt)),
    orderBy: [sql`lower(${brokerages.name})`],
  });
}
