import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { root } from "../../support/ground.mjs";
import { figure, type Figure } from "./figures";

const sizes = [1_000, 100_000, 1_000_000];

interface Outcome {
  policy: "ours" | "round robin";
  users: number;
  found: number;
  meanHours: number;
  worstHours: number;
  callsPerUserAndDay: number;
  violations: number;
}

/**
 * Simulates 30 days in virtual time: how long a break with a lost webhook goes unnoticed under our policy,
 * and under plain round robin with the same budget.
 */
export async function benchReconcile(): Promise<Figure[]> {
  const outcomes = await simulate();
  return sizes.flatMap((users) => {
    const of = (policy: Outcome["policy"]) =>
      outcomes.find((one) => one.policy === policy && one.users === users);
    const [ours, plain] = [of("ours"), of("round robin")];
    if (!ours || !plain) throw new Error(`The simulation of ${users} users did not finish`);
    const name = (what: string) => `reconcile_${what}_${users}`;
    return [
      figure(name("mean_to_find"), ours.meanHours, "h"),
      figure(name("mean_to_find_round_robin"), plain.meanHours, "h"),
      figure(name("mean_ratio"), ours.meanHours / plain.meanHours, "x", 0.5),
      figure(name("worst_to_find"), ours.worstHours, "h"),
      figure(name("worst_to_find_round_robin"), plain.worstHours, "h"),
      figure(name("worst_ratio"), ours.worstHours / plain.worstHours, "x", 1),
      figure(name("lost_breaks_found"), ours.found, "breaks"),
      figure(name("calls_per_user_and_day"), ours.callsPerUserAndDay, "calls"),
      figure(name("limit_violations"), ours.violations, "minutes", 0),
    ];
  });
}

async function simulate(): Promise<Outcome[]> {
  const child = spawn(
    process.execPath,
    ["--import", "tsx", "e2e/proofs/bench/policy.ts", ...sizes.map(String)],
    {
      cwd: root,
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const outcomes: Outcome[] = [];
  for await (const line of createInterface(child.stdout)) outcomes.push(JSON.parse(line) as Outcome);
  return outcomes;
}
