import { describeError, log } from "@/lib/base/log";
import { span } from "@/lib/base/telemetry";
import { RoundLost } from "./lease";
import { withinTime } from "@/lib/base/time-limit";

/** Runs one step; returns null if it failed. */
type RunStep<Name extends string> = <T>(name: Name, run: () => Promise<T>) => Promise<T | null>;

/**
 * Creates a runner for steps that fail independently: a step that throws or hangs is logged and named in
 * `failed`, and the next one runs.
 * @param limitsMs the time limit of each step; a step that exceeds it is left running unattended
 * @param before called before each step with its limit; only a RoundLost that it throws ends the round
 */
export function stepsWithin<Name extends string>(
  limitsMs: Record<Name, number>,
  before: (limitMs: number) => Promise<void>,
): { step: RunStep<Name>; failed: string[] } {
  const failed: string[] = [];
  return {
    failed,
    async step(name, run) {
      try {
        await before(limitsMs[name]);
        return await span(`round ${name}`, {}, () => withinTime(limitsMs[name], run));
      } catch (error) {
        if (error instanceof RoundLost) throw error;
        log.error(
          { step: name, ...describeError(error) },
          "A step of the round failed; continuing with the others",
        );
        failed.push(name);
        return null;
      }
    },
  };
}
