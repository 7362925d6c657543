import { existsSync } from "node:fs";
import { chromium, type Browser } from "@playwright/test";

/**
 * Where Debian's Chromium is, if it is installed: the headless shell, or else the full browser, which also
 * draws its toolbars and is noticeably slower.
 */
export const chromiumPath = [
  process.env.CHROMIUM_PATH,
  "/usr/bin/chromium-headless-shell",
  "/usr/bin/chromium",
].find((place) => place && existsSync(place));

/** Chromium's sandbox doesn't work for root. */
export const forRoot = process.getuid?.() === 0 ? ["--no-sandbox"] : [];

/** A browser for scripts that Playwright's own runner doesn't run. */
export const launchBrowser = (): Promise<Browser> =>
  chromium.launch({ executablePath: chromiumPath, args: forRoot });
