import "server-only";
import { eq } from "drizzle-orm";
import { database } from "@/lib/db/client";
import { askDatabase } from "@/lib/db/usable";
import { rounds, type RoundReport } from "@/lib/db/schema/work";
import { env } from "@/lib/base/env";
import { describeError, log } from "@/lib/base/log";
import { withinTime } from "@/lib/base/time-limit";

interface Health {
  status: "ok" | "no round" | "database away";
  /** Whether this process only watches (lib/base/mode.ts). */
  mode: "live" | "shadow";
  /** What is wrong, as a sentence; absent while everything works. */
  problem?: string;
  lastRound: { endedAt: Date; failed: string[] } | null;
  /** The backlog, as counted by the last round. */
  events: RoundReport["events"];
  /** How long a break can go unnoticed at most if its webhook is lost. */
  lostBreakFoundWithinMinutes: number | null;
}

const readWithinMs = 5_000;
/** Rounds run every 30 seconds, or every minute from a scheduler; none takes this long. */
const roundWithinMs = 5 * 60_000;

/**
 * Reports whether this deployment works: the database answers, and rounds finish. A round is always expected,
 * whether from this process's timer or a scheduler calling /api/cron/reconcile; a process that just started
 * gets the same time for its first round. Reads one row and never throws.
 * @param startedAt when this process started, on our clock
 */
export async function readHealth(now: Date, startedAt: Date): Promise<Health> {
  const { MODE: mode } = env();
  const nothing = { mode, lastRound: null, events: null, lostBreakFoundWithinMinutes: null };
  try {
    const state = await askDatabase();
    if (state !== "usable") return { status: "database away", problem: problems[state], ...nothing };
    const row = await withinTime(readWithinMs, readRound);
    const { failed = [], events = null, lostBreakFoundWithinMinutes = null } = row?.report ?? {};
    const lastRound = row?.endedAt ? { endedAt: row.endedAt, failed } : null;
    const problem = describeDelay(lastRound?.endedAt ?? null, now, startedAt);
    const known = { mode, lastRound, events, lostBreakFoundWithinMinutes };
    return problem ? { status: "no round", problem, ...known } : { status: "ok", ...known };
  } catch (error) {
    log.error(describeError(error), "The database is not answering");
    return { status: "database away", problem: problems.away, ...nothing };
  }
}

const problems = {
  away: "The database is not answering.",
  "read-only": "The database is read-only. Has it failed over to a standby?",
};

async function readRound() {
  const db = await database();
  const [row] = await db
    .select({ endedAt: rounds.endedAt, report: rounds.report })
    .from(rounds)
    .where(eq(rounds.id, 1));
  return row;
}

function describeDelay(endedAt: Date | null, now: Date, startedAt: Date): string | null {
  const since = Math.max(endedAt?.getTime() ?? 0, startedAt.getTime());
  if (now.getTime() - since <= roundWithinMs) return null;
  const what = endedAt ? `No round has ended since ${endedAt.toISOString()}.` : "No round has ever ended.";
  return `${what} Is the timer running, or the scheduler calling /api/cron/reconcile?`;
}
