// `npm run build`: the standalone server, with what belongs next to it.
import { cpSync } from "node:fs";
import { run, stop } from "../support/ground.mjs";

// Whoever builds the app hasn't agreed to send Next's telemetry.
if (!run("npx", ["next", "build"], { NEXT_TELEMETRY_DISABLED: "1" })) stop("The build failed; see above.");
// The server serves these two folders only if they are next to it.
cpSync(".next/static", ".next/standalone/.next/static", { recursive: true });
cpSync("public", ".next/standalone/public", { recursive: true });
// So that `npm start` can check the settings before anything starts, without a development dependency.
const { build } = await import("esbuild");
await build({
  entryPoints: ["lib/base/env.ts"],
  outfile: ".next/standalone/settings.mjs",
  bundle: true,
  platform: "node",
  format: "esm",
  conditions: ["react-server"],
});
