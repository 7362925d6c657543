// `npm run demo`: from a fresh clone to a running app with something to repair.
import { buildIfNeeded, installPackages } from "../support/ground.mjs";

installPackages();
buildIfNeeded();
const { tsImport } = await import("tsx/esm/api");
const { runDemo } = await tsImport("../demo/run.ts", import.meta.url);
await runDemo({ fresh: process.argv.includes("--fresh") });
