// `npm run test:crash`: acknowledged events survive any crash and are applied once; no notice is mailed twice
// or forgotten. `npm test` runs it with `-- --short`.
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
