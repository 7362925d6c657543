import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

interface LockFile {
  packages: Record<string, { version?: string; resolved?: string }>;
}
const lock = JSON.parse(readFileSync("package-lock.json", "utf8")) as LockFile;
const { dependencies, devDependencies } = JSON.parse(readFileSync("package.json", "utf8")) as Record<
  "dependencies" | "devDependencies",
  Record<string, string>
>;

const floors: [string, string][] = [
  ["next", "16.3.5"],
  ["react", "19.2.6"],
  ["react-dom", "19.2.6"],
  ["next-auth", "4.24.15"],
  ["@auth/core", "0.41.3"],
];

function isAtLeast(version: string, floor: string): boolean {
  const [have = [], need = []] = [version, floor].map((text) => text.split("-")[0]?.split(".").map(Number));
  const at = need.findIndex((number, index) => number !== have[index]);
  return at < 0 || (have[at] ?? 0) > (need[at] ?? 0);
}

test.each(floors)(
  "every installed %s is at least %s; older versions are known to be vulnerable",
  (name, floor) => {
    const versions = Object.entries(lock.packages).flatMap(([place, { version }]) =>
      place.endsWith(`node_modules/${name}`) && version ? [version] : [],
    );
    expect(versions.length).toBeGreaterThan(0);
    expect(versions.filter((version) => !isAtLeast(version, floor))).toEqual([]);
  },
);

test("a version below its floor is recognized", () => {
  expect(isAtLeast("16.3.4", "16.3.5")).toBe(false);
  expect(isAtLeast("16.10.0", "16.3.5")).toBe(true);
});

test("versions are exact, and the lock file contains no download URLs", () => {
  for (const version of Object.values({ ...dependencies, ...devDependencies }))
    expect(version).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/);
  expect(Object.values(lock.packages).filter(({ resolved }) => resolved?.startsWith("http"))).toEqual([]);
});
