// `npm run bench [-- <name> [options]]`: prints one line per figure and exits with 1 when a goal is missed.
import { buildIfNeeded, installPackages, stop } from "../support/ground.mjs";

/** These run the app's modules, not its build. */
const withoutBuild = ["reconcile", "scale"];

installPackages();
if (!withoutBuild.includes(process.argv[2])) buildIfNeeded();
const { tsImport } = await import("tsx/esm/api");
const { benches } = await tsImport("../proofs/bench/all.ts", import.meta.url);
const { print } = await tsImport("../proofs/bench/figures.ts", import.meta.url);

const [wanted, ...options] = process.argv.slice(2);
if (wanted && !(wanted in benches))
  stop(`There is no benchmark "${wanted}". Choose from: ${Object.keys(benches).join(", ")}.`);
let fine = true;
for (const name of wanted ? [wanted] : Object.keys(benches))
  fine = print(await benches[name](options)) && fine;
process.exit(fine ? 0 : 1);
