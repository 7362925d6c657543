import { fork } from "node:child_process";
import { parseArgs } from "node:util";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describeAction } from "./history/history";
import type { StoredHistory } from "./run";
import type { Order, Reply } from "./worker";

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    days: { type: "string", default: "0" },
    people: { type: "string", default: "0" },
    runs: { type: "string", default: "20000" },
    mutate: { type: "string" },
    from: { type: "string", default: "1" },
    workers: { type: "string", default: "2" },
    "keep-going": { type: "boolean", default: false },
    "shrink-seconds": { type: "string", default: "60" },
    "shrink-most": { type: "string", default: "8" },
    "within-seconds": { type: "string" },
    history: { type: "string" },
    save: { type: "string" },
    log: { type: "boolean", default: false },
  },
});

interface Found {
  count: number;
  first: Reply;
  /** The number of runs it took. */
  afterRuns: number;
}

const stored =
  values.history === undefined ? null : (JSON.parse(readFileSync(values.history, "utf8")) as StoredHistory);
const onlySeed = stored?.seed ?? values.seed;
const runs = onlySeed === undefined ? Number(values.runs) : 1;
const startedAt = Date.now();
/** No run starts after this; whatever is still running half a minute later is abandoned. */
const endsAt =
  values["within-seconds"] === undefined
    ? Number.POSITIVE_INFINITY
    : startedAt + Number(values["within-seconds"]) * 1000;
const toEndMs = 30_000;
const found = new Map<string, Found>();
const totals = { done: 0, failed: 0, virtualMs: 0, statements: 0, requests: 0, cpuMs: 0 };
let next = 0;
let stopped = false;

const timeIsUp = new Promise<null>((resolve) => {
  if (Number.isFinite(endsAt)) setTimeout(() => resolve(null), endsAt + toEndMs - startedAt).unref();
});

function nextOrder(): Order | null {
  if (next >= runs || stopped || Date.now() > endsAt) return null;
  const seed = onlySeed ?? String(Number(values.from) + next);
  next++;
  return {
    seed,
    people: Number(values.people),
    days: Number(values.days),
    shrinkMs: shrinkMs(),
    history: stored?.history ?? null,
  };
}

function shrinkMs(): number {
  return found.size >= Number(values["shrink-most"])
    ? 0
    : Math.min(Number(values["shrink-seconds"]) * 1000, Math.max(0, endsAt - Date.now()));
}

async function work(): Promise<void> {
  const worker = fork(path.join(import.meta.dirname, "worker.ts"), {
    execArgv: ["--max-semi-space-size=64", "--import", "tsx"],
    env: { ...process.env, ...(values.mutate === undefined ? {} : { SIMULATE_MUTATION: values.mutate }) },
  });
  const died = new Promise<never>((_, reject) =>
    worker.once("exit", (code) => reject(new Error(`A worker exited with ${code ?? "a signal"}`))),
  );
  died.catch(() => undefined);
  for (let order = nextOrder(); order; order = nextOrder()) {
    const current = order;
    const reply = await Promise.race([
      new Promise<Reply>((resolve) => worker.once("message", resolve).send(current)),
      died,
      timeIsUp,
    ]);
    if (!reply) {
      worker.kill("SIGKILL");
      return;
    }
    take(reply);
  }
  worker.disconnect();
}

function take(reply: Reply) {
  const { result } = reply;
  totals.done++;
  totals.virtualMs += result.virtualMs;
  totals.statements += result.statements;
  totals.requests += result.requests;
  totals.cpuMs += reply.cpuMs;
  if (result.violation) {
    totals.failed++;
    const before = found.get(result.violation.invariant);
    if (before) before.count++;
    else {
      found.set(result.violation.invariant, { count: 1, first: reply, afterRuns: totals.done });
      report(reply);
      if (values.save && reply.shortened)
        writeFileSync(
          values.save,
          `${JSON.stringify({ seed: result.seed, invariant: result.violation.invariant, mutation: values.mutate, history: reply.shortened.history })}\n`,
        );
    }
    if (!values["keep-going"]) stopped = true;
  }
  if (totals.done % Math.max(10, Math.ceil(runs / 400)) === 0 && totals.done < runs) progress();
}

function progress() {
  const seconds = (Date.now() - startedAt) / 1000;
  const left = Math.round((seconds / totals.done) * (runs - totals.done));
  console.log(
    `simulate: ${totals.done} of ${runs} runs, ${totals.failed} failed, ${Math.floor(left / 60)} min ${left % 60} s left`,
  );
}

function report({ result, shortened }: Reply) {
  const { seed, violation } = result;
  if (!violation) return;
  console.log(`\nsimulate: seed ${seed} violates: ${violation.invariant}`);
  console.log(
    `  ${(shortened?.result.violation ?? violation).detail}, at ${((shortened?.result.violation ?? violation).at / 1000).toFixed(1)} s`,
  );
  console.log(
    `  again: npm run prove -- simulate --seed ${seed}${values.people === "0" ? "" : ` --people ${values.people}`}${values.days === "0" ? "" : ` --days ${values.days}`}`,
  );
  if (!shortened) return;
  const { people, connections, processes, clocksAheadMs, actions } = shortened.history;
  console.log(
    `  shortened to ${actions.length} actions; ${people} people with ${JSON.stringify(connections.slice(0, people).map((own) => own.map(({ brokerage, broken }) => (broken ? `${brokerage} (disabled)` : brokerage))))}`,
  );
  console.log(`  ${processes} processes, clocks ahead by ${JSON.stringify(clocksAheadMs)} ms`);
  for (const action of actions) console.log(`  ${describeAction(action)}`);
  if (values.log) for (const line of shortened.result.log) console.log(`    ${line}`);
}

await Promise.all(Array.from({ length: Math.min(Number(values.workers), runs) }, work));
const minutes = Math.round(totals.virtualMs / 60_000);
for (const [invariant, { count, first, afterRuns }] of found)
  console.log(
    `simulate: ${count} × "${invariant}", first by seed ${first.result.seed} after ${afterRuns} runs`,
  );
const seconds = Math.round((Date.now() - startedAt) / 1000);
console.log(
  `simulate: ${totals.done}${totals.done < runs ? ` of ${runs}` : ""} runs, ${totals.failed} failed; ${minutes} virtual minutes, ${totals.statements} statements, ${totals.requests} requests to SnapTrade, in ${seconds} s (${(totals.cpuMs / 1000 / totals.done).toFixed(2)} s of CPU time each)`,
);
if (process.env.SIMULATE_REPORT) {
  mkdirSync(path.dirname(process.env.SIMULATE_REPORT), { recursive: true });
  writeFileSync(
    process.env.SIMULATE_REPORT,
    JSON.stringify({ passed: totals.done - totals.failed, failed: totals.failed }),
  );
}
process.exit(totals.failed > 0 ? 1 : 0);
