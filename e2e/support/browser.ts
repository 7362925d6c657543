import { existsSync } from "node:fs";
import { chromium, type Browser } from "@playwright/test";

const installed = process.env.CHROMIUM_PATH ?? "/usr/bin/chromium";

/** A browser for scripts that Playwright's own runner doesn't run. */
export const launchBrowser = (): Promise<Browser> =>
  chromium.launch({
    ...(existsSync(installed) ? { executablePath: installed } : {}),
    args: ["--no-sandbox"],
  });
