import { withinTime } from "./time-limit";

/**
 * Runs `work` at most once at a time in this process. Callers that arrive during a run share one more run
 * after it, because the current run may have started too early to cover what they need. A run that hangs
 * blocks the others for at most `withinMs`; then it fails with TimeLimitExceeded and may finish late,
 * alongside the next run.
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
