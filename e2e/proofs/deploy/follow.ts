import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { container, ground, linux, vercel } from "./checks";
import { buildCommands, runLines, scriptOf } from "./guide";

const linuxGuide = "docs/deploy/linux.md";
const vercelGuide = "docs/deploy/vercel-neon.md";
const dockerfile = "docs/deploy/Dockerfile";
const buildWithinMs = 20 * 60_000;
const followWithinMs = 5 * 60_000;

/**
 * Follows the guides in docs/deploy: builds in a copy of the project, then runs their commands in a private
 * copy of this machine (room.sh). Needs root on Linux, the packages of PostgreSQL and nginx, and
 * systemd-analyze.
 * @param built skips the build and uses the one in the project
 */
export function followGuides({ built = false } = {}): boolean {
  if (process.platform !== "linux" || process.getuid?.() !== 0) {
    console.error("The guides can only be followed as root on Linux.");
    return false;
  }
  const folder = mkdtempSync(path.join(tmpdir(), "reconnect-deploy-"));
  try {
    const project = built ? process.cwd() : build(path.join(folder, "project"));
    return project !== null && follow(folder, project);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs each of the guides' build commands once, in an otherwise empty folder. @returns null if one failed */
function build(project: string): string | null {
  mkdirSync(project);
  const copied = run(
    `git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$0"`,
    [project],
    process.cwd(),
    buildWithinMs,
  );
  const commands = new Set([...buildCommands(linuxGuide), ...runLines(dockerfile)]);
  return copied && [...commands].every((command) => run(command, [], project, buildWithinMs))
    ? project
    : null;
}

function follow(folder: string, project: string): boolean {
  const healthCheck = /HEALTHCHECK .*CMD (\[.*\])$/m.exec(readFileSync(dockerfile, "utf8"))?.[1] ?? "[]";
  const [, , program = ""] = JSON.parse(healthCheck) as string[];
  const script = path.join(folder, "script.sh");
  const room = path.join(folder, "room");
  mkdirSync(room);
  writeFileSync(
    script,
    [
      ground,
      scriptOf(linuxGuide, linux),
      vercel.before,
      scriptOf(vercelGuide, vercel.after),
      container(program),
      "echo 'The guides were followed to their end.'",
    ].join("\n"),
  );
  const inside = "e2e/proofs/deploy/room.sh";
  const namespaces = "unshare --mount --net --pid --fork --mount-proc --kill-child";
  return run(
    `exec ${namespaces} bash ${inside} "$0" "$@"`,
    [room, project, script],
    process.cwd(),
    followWithinMs,
  );
}

function run(command: string, args: string[], cwd: string, timeout: number): boolean {
  if (args.length === 0) console.log(`── ${command}`);
  const done = spawnSync("bash", ["-c", command, ...args], { cwd, stdio: "inherit", timeout });
  if (done.status !== 0) console.error(`FAILED: ${command}`);
  return done.status === 0;
}
