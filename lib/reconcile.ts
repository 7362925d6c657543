import "server-only";
import { env } from "./env";
import { describeError, log } from "./log";
import { oneAtATime } from "./one-at-a-time";
import { processInbox, type InboxCounts } from "./webhooks/process";

export interface RoundCounts {
  inbox: InboxCounts;
}

const everyMs = 30_000;

/** The timer's round: what no page and no webhook has brought about since the last one. */
export const reconcile = oneAtATime(async (): Promise<RoundCounts> => {
  const counts = { inbox: await processInbox() };
  log.info(counts, "Round done");
  return counts;
});

/** Runs the round within this server, now and every half minute, where the settings want that (RECONCILE_IN_PROCESS). */
export function startTimer(): void {
  const { RECONCILE_IN_PROCESS, DATABASE_URL } = env();
  const wanted = RECONCILE_IN_PROCESS ?? String(DATABASE_URL.startsWith("pglite:"));
  if (wanted !== "true") return;
  const round = () => void reconcile().catch((error: unknown) => log.error(describeError(error), "The round ended unexpectedly"));
  round();
  setInterval(round, everyMs).unref();
}
