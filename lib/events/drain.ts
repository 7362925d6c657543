import { describeError, log } from "@/lib/base/log";

interface Pace {
  atOnce: number;
  /** Our clock, in milliseconds: nothing is claimed after this. */
  endsAt: number;
}

/** How often to ask for more while attempts are under way, so that those that hang delay no others. */
const askAgainMs = 200;

/**
 * Claims jobs and works on them, a few at a time, until there are none left or the time is up. Attempts
 * record their own results; one that throws is logged and stops no other.
 * @returns true if the time was up first
 */
export async function drain<Job>(
  claim: (room: number) => Promise<Job[]>,
  attempt: (job: Job) => Promise<void>,
  { atOnce, endsAt }: Pace,
): Promise<boolean> {
  const running = new Set<Promise<void>>();
  try {
    while (Date.now() < endsAt) {
      const jobs = running.size < atOnce ? await claim(atOnce - running.size) : [];
      for (const job of jobs) {
        const run: Promise<void> = attempt(job)
          .catch((error: unknown) =>
            log.error(describeError(error), "A delivery's result could not be recorded"),
          )
          .finally(() => running.delete(run));
        running.add(run);
      }
      if (running.size === 0) return false;
      if (jobs.length === 0 || running.size === atOnce) await Promise.race([...running, pause()]);
    }
    return true;
  } finally {
    await Promise.all(running);
  }
}

const pause = () => new Promise<void>((resolve) => setTimeout(resolve, askAgainMs));
