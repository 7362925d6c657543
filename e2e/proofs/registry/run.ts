import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { launchBrowser } from "../../support/browser";
import { startBeside, type Beside } from "../../support/beside";
import { freePort } from "../../support/ground.mjs";
import { enterBySession, repair } from "../../support/repair";
import { clickBanner, writeEmptyApp } from "./empty-app";

const commandLimitMs = 10 * 60_000;
const added = [
  "components/connection-banner.tsx",
  "hooks/use-connections.ts",
  "lib/reconnect-route.ts",
  "app/api/reconnect/route.ts",
];

/**
 * Adds the banner to an empty Next app with shadcn's own CLI, builds and starts that app, and repairs a
 * connection by clicking the banner. Needs the network, for npm's packages only.
 */
export async function runRegistry(): Promise<boolean> {
  const folder = mkdtempSync(path.join(tmpdir(), "reconnect-registry-"));
  const port = await freePort();
  const beside = await startBeside({ RETURN_URLS: `http://localhost:${port}` });
  const { company, servers } = beside;
  const startedAt = performance.now();
  try {
    const disabledDate = new Date(Date.now() - 3_600_000).toISOString();
    const customer = await company.register("user-1", [
      { brokerage: "VANGUARD", disabled: true, disabledDate },
    ]);
    if (!(await company.adopt(customer))) throw new Error("The person can't be adopted");
    writeEmptyApp(folder);
    command(folder, "npm", ["install", "--no-audit", "--no-fund", "--prefer-offline"]);
    const item = `${servers.appUrl}/r/connection-banner.json`;
    command(folder, "npx", ["--no-install", "shadcn", "add", item, "--yes"]);
    for (const file of added)
      if (!existsSync(path.join(folder, file))) throw new Error(`shadcn added no ${file}`);
    clickBanner(folder, customer.externalId);
    command(folder, "npx", ["--no-install", "next", "build"]);
    await click(folder, port, beside);
    const [after] = await company.connectionsOf(customer);
    if (after?.id !== customer.ids[0] || after?.disabled)
      throw new Error("The connection isn't repaired under its id");
    const seconds = Math.round((performance.now() - startedAt) / 1_000);
    console.log(`registry: added, built, and clicked; the same connection works again, ${seconds} s`);
    return true;
  } catch (error) {
    console.error(`✗ registry: ${error instanceof Error ? error.message : "unknown reason"}`);
    return false;
  } finally {
    await beside.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function command(cwd: string, name: string, args: string[]): void {
  const env = { ...process.env, NEXT_TELEMETRY_DISABLED: "1" };
  const done = spawnSync(name, args, { cwd, env, stdio: "inherit", timeout: commandLimitMs });
  if (done.status !== 0) throw new Error(`${name} ${args.join(" ")} failed`);
}

/** Starts the company's app and clicks the banner on its page, through to the repaired connection and back. */
async function click(folder: string, port: number, { servers, company }: Beside): Promise<void> {
  const next = path.join(folder, "node_modules/next/dist/bin/next");
  const app = spawn(process.execPath, [next, "start", "--port", String(port)], {
    cwd: folder,
    env: { ...process.env, RECONNECT_URL: servers.appUrl, RECONNECT_API_KEY: company.apiKey },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const gone = once(app, "exit");
  const browser = await launchBrowser();
  try {
    const page = await browser.newPage();
    const url = `http://localhost:${port}/`;
    while (!(await fetch(url).catch(() => null))?.ok)
      await new Promise((resolve) => setTimeout(resolve, 100));
    await page.goto(url);
    await page.getByText("Your Vanguard US connection needs you").waitFor();
    await page.getByRole("button", { name: "Reconnect" }).click();
    await enterBySession(page);
    await repair(page, "Vanguard US");
    await page.getByRole("link", { name: "Back to Larch" }).click();
    await page.waitForURL(`${url}**`);
    await page.getByRole("heading", { name: "Portfolio" }).waitFor();
    if (await page.getByRole("button", { name: "Reconnect" }).isVisible())
      throw new Error("The banner stayed");
  } finally {
    await browser.close();
    app.kill("SIGTERM");
    await gone;
  }
}
