import { existsSync } from "node:fs";
import { chromium, type Browser } from "@playwright/test";

/**
 * Where Debian's browser is, if it is installed: the shell without a window, or else the whole browser, which
 * draws its own toolbars too and takes noticeably longer.
 */
export const chromiumPath = [
  process.env.CHROMIUM_PATH,
  "/usr/bin/chromium-headless-shell",
  "/usr/bin/chromium",
].find((place) => place && existsSync(place));

/** Chromium has no sandbox for root. */
export const forRoot = process.getuid?.() === 0 ? ["--no-sandbox"] : [];

/** A browser for scripts that Playwright's own runner doesn't run. */
export const launchBrowser = (): Promise<Browser> =>
  chromium.launch({ executablePath: chromiumPath, args: forRoot });
