import { withinTime } from "./time-limit";

/**
 * Runs `work` at most once at a time in this process. Who asks while it runs waits for one more run after it,
 * since what they ask for may have come too late for the present one; all of them share that run. A run that
 * hangs blocks the others for at most `withinMs`: it then fails with TimeLimitExceeded, and may end late,
 * alongside the next one.
 */
export function coalesce<T>(work: () => Promise<T>, withinMs = 60_000): () => Promise<T> {
  let running: Promise<T> | undefined;
  let following: Promise<T> | undefined;

  function start(): Promise<T> {
    const run = withinTime(withinMs, work).finally(() => {
      if (running === run) running = undefined;
    });
    running = run;
    return run;
  }

  return () => {
    if (!running) return start();
    following ??= running
      .then(
        () => undefined,
        () => undefined,
      )
      .then(() => {
        following = undefined;
        return start();
      });
    return following;
  };
}
