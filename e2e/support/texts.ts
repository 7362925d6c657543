import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";

const notOurs = new Set(["node_modules", "test-results", "playwright-report", "blob-report", "coverage"]);

function list(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const place = path.join(folder, entry.name);
    if (entry.isDirectory()) return entry.name.startsWith(".") || notOurs.has(entry.name) ? [] : list(place);
    return /\.(tsx?|mjs|md|css|sql|py)$/.test(entry.name) ? [place] : [];
  });
}

/** Every text in this repository that people read, except generated or installed files. */
export const listTexts = () => list(".").map((file) => ({ file, text: readFileSync(file, "utf8") }));
