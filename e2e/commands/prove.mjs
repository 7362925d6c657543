// `npm run prove [-- <name>]`: runs the long proofs one after another; exits with 1 when one fails.
import { buildIfNeeded, installPackages, root, run, stop } from "../support/ground.mjs";
import path from "node:path";

installPackages();
const proofs = {
  simulate: (options) =>
    run(process.execPath, ["--import", "tsx", path.join(root, "e2e/proofs/simulate/main.ts"), ...options]),
  scale: () => run(process.execPath, [path.join(root, "e2e/commands/prove-scale.mjs")]),
  inventory(options) {
    buildIfNeeded();
    return run(process.execPath, [
      "--import",
      "tsx",
      path.join(root, "e2e/proofs/inventory/main.ts"),
      ...options,
    ]);
  },
  deploy: async (options) => {
    const { tsImport } = await import("tsx/esm/api");
    const { followGuides } = await tsImport("../proofs/deploy/follow.ts", import.meta.url);
    return followGuides({ built: options.includes("--built") });
  },
  import: async (options) => {
    const { tsImport } = await import("tsx/esm/api");
    return (await tsImport("../proofs/import/run.ts", import.meta.url)).runImports(options);
  },
  events: async () => {
    const { tsImport } = await import("tsx/esm/api");
    return (await tsImport("../proofs/events/run.ts", import.meta.url)).runEvents();
  },
  crash: () => run(process.execPath, [path.join(root, "e2e/commands/crash.mjs")]),
  drivers: () => run(process.execPath, [path.join(root, "e2e/commands/drivers.mjs")]),
  faults: async () => {
    const { tsImport } = await withBuild();
    return (await tsImport("../proofs/faults/run.ts", import.meta.url)).runFaults();
  },
  machines: async () => {
    const { tsImport } = await withBuild();
    return (await tsImport("../proofs/machines/run.ts", import.meta.url)).runMachines();
  },
  adopt: async () => {
    const { tsImport } = await withBuild();
    return (await tsImport("../proofs/adopt/follow.ts", import.meta.url)).followAdoption();
  },
  registry: async () => {
    const { tsImport } = await withBuild();
    return (await tsImport("../proofs/registry/run.ts", import.meta.url)).runRegistry();
  },
  canaries: async () => {
    const { tsImport } = await withBuild();
    return (await tsImport("../proofs/canaries/run.ts", import.meta.url)).runCanaries();
  },
};

/** For proofs that run the production build. */
function withBuild() {
  buildIfNeeded();
  return import("tsx/esm/api");
}

const [wanted, ...options] = process.argv.slice(2);
if (wanted && !(wanted in proofs))
  stop(`There is no proof "${wanted}". Choose from: ${Object.keys(proofs).join(", ")}.`);
let fine = true;
for (const name of wanted ? [wanted] : Object.keys(proofs)) fine = (await proofs[name](options)) && fine;
process.exit(fine ? 0 : 1);
