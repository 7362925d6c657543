// `npm run check:static`: types, lint, and format side by side; prints the output of each, and exits with 1
// if one fails.
import { spawn } from "node:child_process";
import path from "node:path";
import { root, run } from "../support/ground.mjs";

const checks = [
  ["tsc", "--noEmit"],
  ["eslint", "--max-warnings", "0", "."],
  ["prettier", "--check", "."],
];

if (!run("npx", ["next", "typegen"])) process.exit(1);
const results = await Promise.all(checks.map(check));
process.exit(results.every(Boolean) ? 0 : 1);

/** Resolves once the program has ended and its output is printed, with whether it succeeded. */
function check([program, ...args]) {
  return new Promise((resolve) => {
    const child = spawn(path.join(root, "node_modules/.bin", program), args, {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, FORCE_COLOR: process.stdout.isTTY ? "1" : "0" },
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text) => (output += text));
    child.on("close", (code) => {
      process.stdout.write(output);
      if (code !== 0) console.error(`${program} failed`);
      resolve(code === 0);
    });
  });
}
