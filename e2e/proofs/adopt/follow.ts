import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { root } from "../../support/ground.mjs";
import { readBlocks } from "../deploy/guide";
import { setStage, type Stage } from "./stage";

const guide = path.join(root, "docs/adopt.md");
const followWithinMs = 5 * 60_000;

/** Our checks, by the section after which they run. */
const checks: Record<string, string> = {
  "3. Bring your people": "people",
  "4. Share SnapTrade's webhooks": "webhooks",
  "5. Receive events": "events",
  "6. The first repair": "repair",
  "8. Sign people in": "hand-off",
};

/**
 * Follows docs/adopt.md word by word, beside a product that has people at the emulator: its settings, its
 * commands, and its code, where they can run here. Other proofs follow the guides to deploying, and add the
 * banner.
 */
export async function followAdoption(): Promise<boolean> {
  const folder = mkdtempSync(path.join(tmpdir(), "reconnect-adopt-"));
  const startedAt = performance.now();
  const stage = await setStage(settingsOf(guide));
  try {
    for (const name of readdirSync(root).filter(
      (entry) => !entry.startsWith(".") && entry !== "test-results",
    ))
      symlinkSync(path.join(root, name), path.join(folder, name));
    writeFileSync(path.join(folder, "users.ndjson"), stage.lines);
    for (const { kind, commands } of readBlocks(guide))
      if (kind === "js forward") writeFileSync(path.join(folder, "forward.mjs"), commands);
    const done = await runScript(folder, stage);
    const seconds = Math.round((performance.now() - startedAt) / 1_000);
    if (done) console.log(`adopt: followed docs/adopt.md to its end, ${seconds} s`);
    return done;
  } finally {
    await stage.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The settings that the guide says to add. */
function settingsOf(file: string): Record<string, string> {
  const lines = readBlocks(file)
    .filter(({ kind }) => kind === "settings")
    .flatMap(({ commands }) => commands.trim().split("\n"));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
}

async function runScript(folder: string, stage: Stage): Promise<boolean> {
  const all = readBlocks(guide);
  const blocks = all.filter(({ kind }) => kind === "sh");
  const sections = [...new Set(all.map(({ section }) => section))];
  const unknown = Object.keys(checks).filter((section) => !sections.includes(section));
  if (unknown.length > 0) throw new Error(`docs/adopt.md has nothing under ${unknown.join(", ")}`);
  const script = sections.flatMap((section) => [
    `echo '── docs/adopt.md: ${section.replaceAll("'", "’")}'`,
    ...blocks.filter((block) => block.section === section).map(({ commands }) => stage.localize(commands)),
    ...(checks[section] ? [`node --import tsx e2e/proofs/adopt/check.ts ${checks[section]}`] : []),
  ]);
  const child = spawn("bash", ["-euo", "pipefail", "-c", script.join("\n")], {
    cwd: folder,
    env: { ...process.env, ...stage.environment },
    stdio: "inherit",
    timeout: followWithinMs,
  });
  const [status] = (await once(child, "exit")) as [number | null];
  return status === 0;
}
