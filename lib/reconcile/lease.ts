import "server-only";
import { and, eq, lte, sql } from "drizzle-orm";
import { database } from "@/lib/db/client";
import { rounds, type RoundReport } from "@/lib/db/schema/work";
import { describeError, log } from "@/lib/base/log";
import { isShadow } from "@/lib/base/mode";
import { withinTime } from "@/lib/base/time-limit";

/**
 * A process that holds the round for longer than this without extending it is considered dead. Longer than
 * any single step may take.
 */
export const leaseMs = 120_000;
const queryWithinMs = 10_000;
/**
 * After a gap this long without rounds, we may have missed heartbeats ourselves, so their absence proves
 * nothing.
 */
const downAfterMs = 10 * 60_000;

/** A round and its lease. */
export interface Round {
  fence: number;
  /** Since when rounds have run without a gap. */
  upSince: Date;
  /** Our clock. */
  lockedUntil: Date;
}

/** Another process took over the round, or may do so before the next step ends; this process must stop. */
export class RoundLost extends Error {
  override name = "RoundLost";
}

/**
 * Starts a round under a lease.
 * @returns null if another process holds the round
 */
export async function takeRound(now: Date): Promise<Round | null> {
  const lockedUntil = new Date(now.getTime() + leaseMs);
  const db = await database();
  const [taken] = await withinTime(queryWithinMs, () =>
    db
      .update(rounds)
      .set({
        lockedUntil,
        fence: sql`${rounds.fence} + 1`,
        upSince: sql`case when coalesce(${rounds.endedAt}, 'epoch') < ${new Date(now.getTime() - downAfterMs).toISOString()}::timestamptz
          then ${now.toISOString()}::timestamptz else ${rounds.upSince} end`,
        shadowSince: isShadow()
          ? sql`coalesce(${rounds.shadowSince}, ${now.toISOString()}::timestamptz)`
          : null,
      })
      .where(lte(rounds.lockedUntil, now))
      .returning({ fence: rounds.fence, upSince: rounds.upSince }),
  );
  return taken ? { ...taken, lockedUntil } : null;
}

/**
 * Extends the lease so that it covers the next step.
 * @throws RoundLost if it can't
 */
export async function keepRound(round: Round, stepMs: number): Promise<void> {
  const now = new Date();
  const lockedUntil = new Date(now.getTime() + leaseMs);
  try {
    const db = await database();
    const kept = await withinTime(queryWithinMs, () =>
      db
        .update(rounds)
        .set({ lockedUntil })
        .where(eq(rounds.fence, round.fence))
        .returning({ id: rounds.id }),
    );
    if (kept.length > 0) round.lockedUntil = lockedUntil;
    else throw new RoundLost("Another process has the round");
  } catch (error) {
    if (error instanceof RoundLost) throw error;
    log.warn(describeError(error), "The lease of the round could not be extended");
    if (round.lockedUntil.getTime() < Date.now() + stepMs)
      throw new RoundLost("The lease ends before the next step would");
  }
}

/** Ends the round and stores its report for /api/health. Does nothing if the lease was lost. */
export async function endRound({ fence }: Round, report: RoundReport): Promise<void> {
  const now = new Date();
  const db = await database();
  await withinTime(queryWithinMs, () =>
    db
      .update(rounds)
      .set({ lockedUntil: now, endedAt: now, report })
      .where(and(eq(rounds.id, 1), eq(rounds.fence, fence))),
  );
}
