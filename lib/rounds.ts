import "server-only";
import { and, eq, lte, sql } from "drizzle-orm";
import { database } from "./db/client";
import { rounds, type RoundReport } from "./db/work-schema";
import { describeError, log } from "./log";
import { withinTime } from "./time-limit";

/** A process that holds the round for longer without saying so is considered dead. Longer than any one step of it may take. */
export const leaseMs = 120_000;
const queryWithinMs = 10_000;
/** Signs of life of a time in which no round ran may have been missed by us, not by SnapTrade. */
const downAfterMs = 10 * 60_000;

/** The round, as long as it is ours. */
export interface Round {
  fence: number;
  /** Since when rounds follow one another without a gap. */
  upSince: Date;
  /** Our clock. */
  leasedUntil: Date;
}

/** Another process took the round over, or may do so before the next step ends; nothing more is to be done in this one. */
export class RoundLost extends Error {
  override name = "RoundLost";
}

/** @returns null when another process has the round */
export async function takeRound(now: Date): Promise<Round | null> {
  const leasedUntil = new Date(now.getTime() + leaseMs);
  const db = await database();
  const [taken] = await withinTime(queryWithinMs, () =>
    db
      .update(rounds)
      .set({
        leasedUntil,
        fence: sql`${rounds.fence} + 1`,
        upSince: sql`case when coalesce(${rounds.endedAt}, 'epoch') < ${new Date(now.getTime() - downAfterMs).toISOString()}::timestamptz
          then ${now.toISOString()}::timestamptz else ${rounds.upSince} end`,
      })
      .where(lte(rounds.leasedUntil, now))
      .returning({ fence: rounds.fence, upSince: rounds.upSince }),
  );
  return taken ? { ...taken, leasedUntil } : null;
}

/**
 * Makes sure that the round stays ours for as long as its next step may take.
 * @throws RoundLost when it does not
 */
export async function keepRound(round: Round, stepMs: number): Promise<void> {
  const now = new Date();
  const leasedUntil = new Date(now.getTime() + leaseMs);
  try {
    const db = await database();
    const kept = await withinTime(queryWithinMs, () =>
      db.update(rounds).set({ leasedUntil }).where(eq(rounds.fence, round.fence)).returning({ id: rounds.id }),
    );
    if (kept.length > 0) round.leasedUntil = leasedUntil;
    else throw new RoundLost("Another process has the round");
  } catch (error) {
    if (error instanceof RoundLost) throw error;
    log.warn(describeError(error), "The lease of the round could not be extended");
    if (round.leasedUntil.getTime() < Date.now() + stepMs) throw new RoundLost("The lease ends before the next step would");
  }
}

/** Gives the round back, and leaves word of it for /api/health. Does nothing when it is not ours any more. */
export async function endRound({ fence }: Round, report: RoundReport): Promise<void> {
  const now = new Date();
  const db = await database();
  await withinTime(queryWithinMs, () =>
    db
      .update(rounds)
      .set({ leasedUntil: now, endedAt: now, report })
      .where(and(eq(rounds.id, 1), eq(rounds.fence, fence))),
  );
}
