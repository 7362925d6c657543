import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const page = readFileSync("docs/security.md", "utf8");
const met = page.slice(page.indexOf("### Met"), page.indexOf("### Not met"));

/** The rows of requirements in a text. */
const rowsOf = (text: string) => text.split("\n").filter((line) => /^\| \d/.test(line));
const citations = [...page.matchAll(/`([^`]+\.(?:ts|mjs))` “([^”]+)”/g)].map(([, file = "", title = ""]) => ({
  file,
  title,
}));

test("every requirement that docs/security.md calls met names what shows it", () => {
  expect(rowsOf(met).length).toBeGreaterThan(30);
  expect(rowsOf(met).filter((row) => !/`[^`]+\.(ts|mjs)` “[^”]+”/.test(row))).toEqual([]);
});

test("every test that docs/security.md names exists, under that title", () => {
  expect(citations.length).toBeGreaterThan(30);
  const missing = citations.filter(
    ({ file, title }) => !existsSync(file) || !readFileSync(file, "utf8").includes(title),
  );
  expect(missing).toEqual([]);
});
