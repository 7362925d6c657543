// `npm run dev`: uses .env.local, or the emulator when there is none.
import { existsSync } from "node:fs";
import path from "node:path";
import { spawn } from "node:child_process";
import { exampleSettings, installPackages, isTaken, root, stop, whenParentEnds } from "../support/ground.mjs";

installPackages();
const children = [];
const env = { NEXT_TELEMETRY_DISABLED: "1", ...process.env };
if (!existsSync(path.join(root, ".env.local"))) {
  if (await isTaken(4010)) stop("Port 4010 is in use; free it, or create .env.local.");
  // The app remembers its users across restarts, so the emulator must too.
  const listener = `http://localhost:${process.env.PORT || "3000"}/api/webhooks/snaptrade`;
  Object.assign(env, exampleSettings(), {
    EMULATOR_STATE: path.join(root, ".data/emulator.json"),
    EMULATOR_WEBHOOK_URL: listener,
  });
  start(["--import", "tsx", "e2e/emulator/main.ts"]);
}
start(["node_modules/next/dist/bin/next", "dev", "--port", process.env.PORT || "3000"]);
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => endAll());
whenParentEnds(() => endAll());

function start(args) {
  const child = spawn(process.execPath, args, { cwd: root, stdio: "inherit", env });
  child.once("exit", () => endAll());
  children.push(child);
}

function endAll() {
  for (const child of children) if (child.exitCode === null) child.kill("SIGTERM");
}
