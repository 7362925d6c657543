// `npm run test:crash`: what was acknowledged survives any crash, and is applied once; no notice is mailed
// twice or forgotten. `-- --short` is the form that `npm test` runs.
import { buildIfNeeded, installPackages } from "../support/ground.mjs";

installPackages();
buildIfNeeded();
const { tsImport } = await import("tsx/esm/api");
const { runCrashes } = await tsImport("../proofs/crash/run.ts", import.meta.url);
const short = process.argv.includes("--short");
const fine = await runCrashes(
  short
    ? { appOnPostgres: 3, postgres: 2, appOnPglite: 2, mailed: 20 }
    : { appOnPostgres: 25, postgres: 10, appOnPglite: 10, mailed: 120 },
);
process.exit(fine ? 0 : 1);
